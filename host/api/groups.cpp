// SPDX-License-Identifier: BSD-3-Clause
// Groups: agreement on a context, its return, and contexts that a rank has broken.
//
// The leader of a group, the first rank of its list, takes a free context and sends its number to the members
// in the control context; each message is told apart by a hash of the list, of the caller's key and of the
// number of groups of that list and key before. A context is given back when every member has said that it
// freed the group: until then messages and collectives of it may be under way.
#include <algorithm>
#include <cstring>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"
#include "job/job.hpp"

using tally::Status;
using tally::api::bad_argument;

namespace {

constexpr std::uint16_t kControlContext = 0xffff;
constexpr std::uint64_t kNoContext = ~std::uint64_t{0};

enum class ControlTag : std::uint32_t { kContext = 0, kFreed = 1 };

std::uint32_t control_tag(ControlTag kind, std::uint64_t hash) noexcept {
  return (static_cast<std::uint32_t>(hash >> 32) & 0x3fffffffu) << 1 | static_cast<std::uint32_t>(kind);
}

// FNV-1a, 64 bits (Fowler, Noll, Vo).
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
  for (int byte = 0; byte < 8; ++byte, value >>= 8) hash = (hash ^ (value & 0xff)) * 0x100000001b3u;
  return hash;
}

}  // namespace

Status tally_endpoint::create_group(const int* ranks, int size, std::uint64_t key, tally_group** out) {
  if (ranks == nullptr) return bad_argument("ranks is NULL");
  if (size < 1 || size > this->size())
    return bad_argument("size {} is out of range (1 to {})", size, this->size());
  std::vector<std::uint16_t> list;
  std::vector<int> position(static_cast<std::size_t>(this->size()), -1);
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < size; ++i) {
    if (ranks[i] < 0 || ranks[i] >= this->size()) {
      return bad_argument("ranks[{}] is {}, out of range (0 to {})", i, ranks[i], this->size() - 1);
    }
    int& seen = position[static_cast<std::size_t>(ranks[i])];
    if (seen >= 0) return bad_argument("ranks[{}] is {}, as ranks[{}]", i, ranks[i], seen);
    seen = i;
    list.push_back(static_cast<std::uint16_t>(ranks[i]));
    hash = mix(hash, list.back());
  }
  hash = mix(hash, key);
  const int own = position[static_cast<std::size_t>(rank())];
  if (own < 0) return bad_argument("ranks does not hold the caller, rank {}", rank());

  auto group = std::make_unique<tally_group>(own, std::move(list), capabilities());
  group->endpoint = this;
  group->list_hash = mix(hash, creations_[hash]++);
  if (!forced_algorithm_.empty()) {
    Status status = group->schedules.set_algorithm(forced_algorithm_, true);
    if (!status.ok()) return status;
  }
  Status status = agree_on_context(*group);
  if (!status.ok()) return status;
  *out = group.get();
  groups_.push_back(std::move(group));
  return {};
}

Status tally_endpoint::agree_on_context(tally_group& group) {
  Waiting waiting(*this);
  for (;;) {
    const auto free =
        std::find_if(control_->begin(), control_->end(), [](const Control& c) { return !c.used; });
    if (free != control_->end()) {
      free->used = true;
      Status status = agree_on_context(group, *free);
      // After a failed wait the engine may still use it.
      free->used = !status.ok() && status.code() != TALLY_ERR_NO_MEMORY;
      return status;
    }
    if (progress() != 0) continue;
    if (Status status = idle(waiting, nullptr); !status.ok()) return status;
  }
}

Status tally_endpoint::agree_on_context(tally_group& group, Control& control) {
  const Status none{
      TALLY_ERR_NO_MEMORY,
      fmt::format("no free context: there are {} for all groups of the job{}", tally::kGroupContexts - 1,
                  job_.one_host() ? "" : ", and this host's share of them is in use")};
  const std::uint32_t tag = control_tag(ControlTag::kContext, group.list_hash);
  if (group.rank != 0) {
    tally::RecvDescriptor receive;
    receive.buffer = control.in;
    receive.length = sizeof control.in;
    receive.context = kControlContext;
    receive.source = group.ranks[0];
    receive.tag = tag;
    Status status = run(
        [&](tally_request** request) {
          return post_receive(receive, *all_ranks(), control_memory_, true, request);
        },
        nullptr);
    if (!status.ok()) return status;
    if (control.in[0] != group.list_hash) {
      return {TALLY_ERR_INTERNAL, fmt::format("rank {} answered for another group", group.ranks[0])};
    }
    if (control.in[1] == kNoContext) return none;
    group.context = static_cast<std::uint16_t>(control.in[1]);
    return {};
  }
  bool taken = false;
  const Status outcome = take_context(&group.context, &taken);
  control.out[0] = group.list_hash;
  control.out[1] = taken ? group.context : kNoContext;
  for (std::size_t member = 1; member < group.ranks.size(); ++member) {
    tally::SendDescriptor send;
    send.buffer = control.out;
    send.length = sizeof control.out;
    send.context = kControlContext;
    send.destination = group.ranks[member];
    send.tag = tag;
    Status status = run(
        [&](tally_request** request) {
          return post_send(send, *all_ranks(), control_memory_, true, request);
        },
        nullptr);
    if (!status.ok()) return status;  // the context stays taken: members may know it
  }
  if (!outcome.ok()) return outcome;
  return taken ? Status{} : none;
}

Status tally_endpoint::take_context(std::uint16_t* context, bool* taken) {
  Waiting waiting(*this);
  for (;;) {
    reap_freed_contexts();
    *taken = contexts_->take(context);
    // This rank may be ahead of members that are going to free groups that it leads.
    if (*taken || freed_.empty()) return {};
    if (Status status = idle(waiting, nullptr); !status.ok()) return status;
  }
}

Status tally_endpoint::open_channel(tally_group& group, int channel, tally_group** out) {
  if (group.is_channel()) return bad_argument("group is a channel itself");
  if (channel < 1 || channel >= static_cast<int>(tally::api::kLibraryChannel))
    return bad_argument("channel {} is out of range (1 to {})", channel, tally::api::kLibraryChannel - 1);
  std::unique_ptr<tally_group>& slot = group.channels[static_cast<std::size_t>(channel)];
  if (slot == nullptr) {
    auto made = std::make_unique<tally_group>(group.rank, group.ranks, capabilities());
    made->endpoint = this;
    made->parent = &group;
    made->context = static_cast<std::uint16_t>(group.context | static_cast<unsigned>(channel)
                                                                   << tally::api::kChannelShift);
    slot = std::move(made);
  }
  *out = slot.get();
  return {};
}

void tally_endpoint::reap_freed_contexts() {
  while (progress() != 0) {
  }
  std::erase_if(freed_, [this](Freed& freed) {
    std::erase_if(freed.pending, [this](tally_request* request) {
      if (request->state != tally_request::State::kDone) return false;
      release(*request);
      return true;
    });
    if (!freed.pending.empty()) return false;
    // A member may have broken it meanwhile: then it is never used again.
    if (!broken(freed.context)) contexts_->give(freed.context);
    return true;
  });
}

Status tally_endpoint::free_group(tally_group* group) {
  if (group->is_channel()) return bad_argument("group is a channel: it is freed with its group");
  const auto found =
      std::find_if(groups_.begin() + 1, groups_.end(), [&](const auto& g) { return g.get() == group; });
  if (found == groups_.end())
    return bad_argument("group {} is not a group of this endpoint", static_cast<void*>(group));
  std::uint32_t users = group->users;
  std::uint32_t claimed = group->claimed;
  for (const auto& channel : group->channels) {
    if (channel == nullptr) continue;
    users += channel->users;
    claimed += channel->claimed;
  }
  if (users != 0) return {TALLY_ERR_BUSY, fmt::format("group: {} requests are under way", users)};
  if (claimed != 0)
    return {TALLY_ERR_BUSY, fmt::format("group: {} claimed messages are not received", claimed)};
  const std::uint32_t tag = control_tag(ControlTag::kFreed, group->list_hash);
  if (group->rank != 0) {
    tally::SendDescriptor send;
    send.context = kControlContext;
    send.destination = group->ranks[0];
    send.tag = tag;
    Status status =
        run([&](tally_request** request) { return post_send(send, *all_ranks(), nullptr, true, request); },
            nullptr);
    // A leader that has left has no use for the context any more.
    if (!status.ok() && status.code() != TALLY_ERR_JOB) return status;
  } else if (!broken(group->context)) {  // a broken context is never used again
    Freed freed;
    freed.context = group->context;
    for (std::size_t member = 1; member < group->ranks.size(); ++member) {
      tally::RecvDescriptor receive;
      receive.context = kControlContext;
      receive.source = group->ranks[member];
      receive.tag = tag;
      tally_request* request = nullptr;
      Waiting waiting(*this);
      for (;;) {
        Status status = post_receive(receive, *all_ranks(), nullptr, true, &request);
        if (status.ok()) break;
        if (status.code() == TALLY_AGAIN && progress() != 0) continue;
        if (status.code() == TALLY_AGAIN) status = idle(waiting, nullptr);
        if (!status.ok()) return status;
      }
      freed.pending.push_back(request);
    }
    freed_.push_back(std::move(freed));
  }
  if (software_ != nullptr) software_->forget(group->context);
  // Found anew: other threads may have made and freed groups meanwhile.
  const auto place = std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.get() == group; });
  if (group->retain) retained_groups_.push_back(std::move(*place));
  groups_.erase(place);
  return {};
}

Status tally_endpoint::set_algorithm(tally_group& group, const char* name) {
  if (group.is_channel()) return bad_argument("group is a channel: it has no collectives");
  const std::string before = group.schedules.algorithm();
  Status status = group.schedules.set_algorithm(name);
  // The environment has the last word, but a wrong name is an error all the same.
  if (status.ok() && !forced_algorithm_.empty()) status = group.schedules.set_algorithm(before, true);
  return status;
}

bool tally_endpoint::broken(std::uint16_t context) const noexcept {
  return header().broken[context].state.load(std::memory_order_acquire) == 2;
}

std::string tally_endpoint::broken_text(std::uint16_t context) const {
  const tally::job::BrokenContext& record = header().broken[context];
  if (!broken(context)) return "the collective was given up";
  return fmt::format("rank {} gave a collective up: {}", record.rank, record.reason);
}

void tally_endpoint::break_context(std::uint16_t context, const std::string& reason) {
  tally::job::BrokenContext& record = header().broken[context];
  std::uint32_t intact = 0;
  if (!record.state.compare_exchange_strong(intact, 1)) return;  // the first reason stands
  record.rank = static_cast<std::uint32_t>(rank());
  const std::size_t length = std::min(reason.size(), sizeof record.reason - 1);
  std::memcpy(record.reason, reason.data(), length);
  record.reason[length] = '\0';
  record.state.store(2, std::memory_order_release);
  header().broken_count.fetch_add(1, std::memory_order_release);
  tally::job::wake_all(header());
}
