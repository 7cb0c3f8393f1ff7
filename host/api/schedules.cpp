// SPDX-License-Identifier: BSD-3-Clause
#include "api/schedules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "schedule/msccl/import.hpp"

namespace tally::api {
namespace {

using schedule::Collective;

template <typename Visit>
void each_collective(Visit visit) {
  for (std::size_t c = 0; c < schedule::kCollectives; ++c) visit(static_cast<Collective>(c));
}

/// splitmix64's finaliser (Steele, Lea, Flood, OOPSLA 2014) over the sum so far.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
  std::uint64_t z = hash + value + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Status Schedules::set_algorithm(const std::string& name, bool other_sizes) {
  if (schedule::is_file(name)) return set_file(name, other_sizes);
  bool known = name == "auto";
  each_collective([&](Collective c) { known = known || schedule::knows(c, name); });
  if (!known) {
    std::set<std::string> names;
    each_collective([&](Collective c) {
      for (const std::string& each : schedule::algorithms(c)) names.insert(each);
    });
    std::string list = "auto";
    for (const std::string& each : names) list += ", " + each;
    return {TALLY_ERR_ARGUMENT, fmt::format("algorithm '{}' is unknown; there are: {}", name, list)};
  }
  algorithm_ = name;
  each_collective([&](Collective c) { known_[static_cast<std::size_t>(c)] = schedule::knows(c, name); });
  forget_choices();
  return {};
}

Status Schedules::set_file(const std::string& path, bool other_sizes) {
  std::string error;
  const auto file = schedule::load_msccl(path, &error);
  if (file == nullptr) return {TALLY_ERR_ARGUMENT, error};
  const schedule::Schedule& s = file->schedule;
  const bool fits = s.ranks.size() == job_ranks_.size();
  if (!fits && !other_sizes) {
    return {TALLY_ERR_ARGUMENT, fmt::format("algorithm '{}' is for {} ranks, the group has {}", path,
                                            s.ranks.size(), job_ranks_.size())};
  }
  algorithm_ = path;
  each_collective([&](Collective c) { known_[static_cast<std::size_t>(c)] = fits && c == s.collective; });
  forget_choices();
  return {};
}

/// What was compiled stays: collectives under way use it.
void Schedules::forget_choices() {
  ++algorithm_changes_;
  last_ = {};
  choices_.clear();
}

Status Schedules::get(Collective collective, int root, std::uint64_t bytes, bool in_place,
                      Compiled** compiled) {
  Last& last = last_[static_cast<std::size_t>(collective)];
  if (last.compiled != nullptr && last.bytes == bytes && last.root == root && last.in_place == in_place) {
    *compiled = last.compiled;
    fell_back_ = last.fell_back;
    return {};
  }
  schedule::Call call = call_of(collective, root, in_place);
  call.bytes = bytes;
  Status status;
  fell_back_ = algorithm_ != automatic_ && !known_[static_cast<std::size_t>(collective)];
  // Vectors that the named algorithm does not take are done automatically.
  for (const std::string* algorithm : {&algorithm_of(collective), &automatic_}) {
    const std::uint64_t key = static_cast<std::uint64_t>(root) << 40 |
                              static_cast<std::uint64_t>(collective) << 32 |
                              schedule::select_key(call, *algorithm);
    const auto [choice, fresh] = choices_.try_emplace(key, nullptr);
    if (fresh) status = make(call, *algorithm, false, &choice->second);
    if (fresh && choice->second == nullptr) reason_ = status.message();
    if (fresh && fell_back_ && reason_.empty())
      reason_ = fmt::format("'{}' is not for {}", algorithm_, schedule::name_of(collective));
    if (choice->second == nullptr) {
      fell_back_ = true;
      continue;
    }
    *compiled = choice->second;
    last = {choice->second, bytes, root, in_place, fell_back_};
    return {};
  }
  return status.ok() ? Status{TALLY_ERR_UNSUPPORTED, fmt::format("{}: no schedule for {} bytes",
                                                                 schedule::name_of(collective), bytes)}
                     : status;
}

namespace {

/// Which keep rank order at every rank count and root.
const std::string& ordered_algorithm(Collective collective) {
  static const std::string in_order = "in_order";
  static const std::string doubling = "recursive_doubling";
  return collective == Collective::kReduce || collective == Collective::kReduceScatter ? in_order : doubling;
}

}  // namespace

Status Schedules::get_ordered(Collective collective, int root, std::uint64_t bytes, bool in_place,
                              Compiled** compiled) {
  fell_back_ = false;
  schedule::Call call = call_of(collective, root, in_place);
  call.bytes = bytes;
  const std::string& algorithm = ordered_algorithm(collective);
  const std::uint64_t key = static_cast<std::uint64_t>(root) << 40 |
                            static_cast<std::uint64_t>(collective) << 32 |
                            schedule::select_key(call, algorithm);
  const auto [choice, fresh] = ordered_.try_emplace(key, nullptr);
  Status status;
  if (fresh) status = make(call, algorithm, true, &choice->second);
  if (!status.ok()) ordered_.erase(choice);
  if (status.ok()) *compiled = choice->second;
  return status;
}

Status Schedules::make(const schedule::Call& call, const std::string& algorithm, bool ordered,
                       Compiled** compiled) {
  schedule::Schedule schedule;
  Status status = choose(call, algorithm, ordered, &schedule);
  if (!status.ok()) return status;
  const std::uint16_t signature = schedule::signature(schedule);
  for (const auto& known : compiled_) {
    if (known->signature != signature || known->algorithm != schedule.algorithm ||
        known->in_place != call.in_place || known->ordered != ordered)
      continue;
    *compiled = known.get();
    return {};
  }
  compiled_.push_back(std::make_unique<Compiled>());
  Compiled& made = *compiled_.back();
  made.algorithm = schedule.algorithm;
  made.in_place = call.in_place;
  made.ordered = ordered;
  made.program = schedule::compile(schedule, rank_, job_ranks_);
  made.signature = signature;
  *compiled = &made;
  return {};
}

schedule::Call Schedules::call_of(Collective collective, int root, bool in_place) const {
  schedule::Call call;
  call.collective = collective;
  call.ranks = static_cast<int>(job_ranks_.size());
  call.root = root;
  call.in_place = in_place;
  call.flow_bytes = flow_bytes_;
  return call;
}

const std::string& Schedules::algorithm_of(Collective collective) const {
  if (known_[static_cast<std::size_t>(collective)]) return algorithm_;
  // A chain is for the sake of links that carry a packet while the next one is received.
  return few_messages_ && collective == Collective::kBcast ? tree_ : automatic_;
}

/// Selects and proves.
Status Schedules::choose(const schedule::Call& call, const std::string& algorithm, bool ordered,
                         schedule::Schedule* schedule) const {
  std::string error;
  if (!schedule::select(call, algorithm, schedule, &error)) return {TALLY_ERR_UNSUPPORTED, error};
  if (const std::string fault = schedule::verify(*schedule); !fault.empty()) {
    return {TALLY_ERR_INTERNAL,
            fmt::format("schedule '{}' failed verification: {}", schedule->algorithm, fault)};
  }
  if (!ordered) return {};
  if (const std::string fault = schedule::order_operands(schedule); !fault.empty()) {
    return {TALLY_ERR_INTERNAL,
            fmt::format("schedule '{}' does not keep rank order: {}", schedule->algorithm, fault)};
  }
  return {};
}

// --- calls with arrays --------------------------------------------------------------------------

/// visit(number) for all that the program of a call depends on, in an order from which they can be told.
template <typename Visit>
void Schedules::each_number(const CollectiveCall& call, std::size_t element_bytes, bool in_place,
                            Visit visit) const {
  visit(element_bytes);
  visit(algorithm_changes_ << 32 | static_cast<std::uint64_t>(call.collective) << 24 |
        std::uint64_t{call.ordered} << 3 | std::uint64_t{call.input_blocks.counts != nullptr} << 2 |
        std::uint64_t{call.output_blocks.counts != nullptr} << 1 | std::uint64_t{in_place});
  visit(static_cast<std::uint64_t>(call.root));
  visit(call.count);
  for (const Blocks* blocks : {&call.input_blocks, &call.output_blocks}) {
    if (blocks->counts == nullptr) continue;
    for (std::size_t i = 0; i < job_ranks_.size(); ++i) {
      visit(blocks->counts[i]);
      if (blocks->displacements != nullptr) visit(blocks->displacements[i]);
    }
  }
}

Compiled* Schedules::find_varying(const CollectiveCall& call, std::size_t element_bytes,
                                  bool in_place) noexcept {
  std::uint64_t hash = 0;
  each_number(call, element_bytes, in_place, [&](std::uint64_t number) { hash = mix(hash, number); });
  for (Varying& each : varying_) {
    if (each.hash != hash) continue;
    std::size_t k = 0;
    bool same = true;
    each_number(call, element_bytes, in_place, [&](std::uint64_t number) {
      same = same && k < each.numbers.size() && each.numbers[k] == number;
      ++k;
    });
    if (!same || k != each.numbers.size()) continue;
    each.used = ++clock_;
    fell_back_ = each.fell_back;
    return each.compiled.get();
  }
  return nullptr;
}

Status Schedules::make_varying(const CollectiveCall& call, std::size_t element_bytes, bool in_place,
                               const Extents& extents, Compiled** compiled) {
  schedule::Call wanted = call_of(call.collective, call.root, in_place);
  wanted.bytes = extents.count * element_bytes;
  wanted.by_counts = true;
  schedule::Schedule schedule;
  fell_back_ =
      !call.ordered && algorithm_ != automatic_ && !known_[static_cast<std::size_t>(call.collective)];
  const std::string& algorithm =
      call.ordered ? ordered_algorithm(call.collective) : algorithm_of(call.collective);
  Status status = choose(wanted, algorithm, call.ordered, &schedule);
  // An algorithm for blocks of one size: automatically.
  if (status.code() == TALLY_ERR_UNSUPPORTED && !call.ordered) {
    fell_back_ = true;
    reason_ = status.message();
    status = choose(wanted, automatic_, false, &schedule);
  }
  if (!status.ok()) return status;
  auto made = std::make_unique<Compiled>();
  made->algorithm = schedule.algorithm;
  made->in_place = in_place;
  made->ordered = call.ordered;
  made->extents = extents;
  made->signature = schedule::signature(schedule);
  try {
    made->program = schedule::compile(schedule, rank_, job_ranks_, layout(call, element_bytes));
  } catch (const std::invalid_argument& error) {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("{}: {}", schedule::name_of(call.collective), error.what())};
  }
  ++varying_made_;
  forget_varying();
  Varying& kept = varying_.emplace_back();
  each_number(call, element_bytes, in_place, [&](std::uint64_t number) {
    kept.hash = mix(kept.hash, number);
    kept.numbers.push_back(number);
  });
  kept.used = ++clock_;
  kept.fell_back = fell_back_;
  *compiled = made.get();
  kept.compiled = std::move(made);
  return {};
}

/// Makes room for one more.
void Schedules::forget_varying() {
  while (varying_.size() >= kVarying) {
    auto oldest = varying_.end();
    for (auto each = varying_.begin(); each != varying_.end(); ++each) {
      if (each->compiled->users == 0 && (oldest == varying_.end() || each->used < oldest->used))
        oldest = each;
    }
    if (oldest == varying_.end()) return;  // all are under way
    varying_.erase(oldest);
  }
}

schedule::Layout Schedules::layout(const CollectiveCall& call, std::size_t element_bytes) const {
  const auto bytes = [&](const std::size_t* numbers) {
    std::vector<std::uint64_t> out;
    if (numbers != nullptr) {
      for (std::size_t i = 0; i < job_ranks_.size(); ++i) out.push_back(numbers[i] * element_bytes);
    }
    return out;
  };
  const std::uint64_t own = call.count * element_bytes;
  switch (call.collective) {
    case Collective::kGather:
      return schedule::gatherv_layout(rank_, call.root, own, bytes(call.output_blocks.counts),
                                      bytes(call.output_blocks.displacements));
    case Collective::kScatter:
      return schedule::scatterv_layout(rank_, call.root, own, bytes(call.input_blocks.counts),
                                       bytes(call.input_blocks.displacements));
    case Collective::kAllgather:
      return schedule::allgatherv_layout(rank_, bytes(call.output_blocks.counts),
                                         bytes(call.output_blocks.displacements));
    case Collective::kReduceScatter:
      return schedule::reduce_scatter_layout(rank_, bytes(call.input_blocks.counts));
    default:
      return schedule::alltoallv_layout(
          bytes(call.input_blocks.counts), bytes(call.input_blocks.displacements),
          bytes(call.output_blocks.counts), bytes(call.output_blocks.displacements));
  }
}

}  // namespace tally::api
