// SPDX-License-Identifier: BSD-3-Clause
// Runs a random program of sends, receives, wildcards, probes, cancels and collectives under `tally run`, checks every
// result against the matching rules and the definitions of collectives, and writes what it saw to OUT.<rank>: two engines must write
// the same.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "differential/collective_phase.hpp"
#include "differential/plan.hpp"
#include "tally/tally.h"

namespace {

using tally::test::kAny;
using tally::test::Message;
using tally::test::MessagePhase;
using tally::test::PostOrder;
using tally::test::Receive;

int g_rank = -1;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "random_program: rank %d: %s\n", g_rank, what.c_str());
  std::exit(1);
}

void check(tally_status status, const char* what) {
  if (status != TALLY_OK)
    fail(std::string(what) + ": " + tally_status_name(status) + ": " + tally_last_error());
}

/// Calls start() until the queues take it.
template <typename Start>
void start(tally_endpoint* endpoint, const char* what, Start call) {
  tally_status status = call();
  for (; status == TALLY_AGAIN; status = call()) {
    check(tally_endpoint_progress(endpoint), "tally_endpoint_progress");
    ::usleep(20);
  }
  check(status, what);
}

std::uint64_t fnv(const std::uint8_t* data, std::size_t n) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < n; ++i) h = (h ^ data[i]) * 0x100000001b3u;
  return h;
}

/// Hands out registered memory with odd alignments and a guard after each buffer.
class Arena {
 public:
  static constexpr std::uint8_t kGuard = 0xA5;
  Arena(tally_endpoint* endpoint, std::size_t bytes) : memory_(bytes, kGuard) {
    check(tally_memory_register(endpoint, memory_.data(), bytes, &handle_), "tally_memory_register");
  }
  ~Arena() { check(tally_memory_deregister(handle_), "tally_memory_deregister"); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void reset() {
    std::fill_n(memory_.begin(), used_, kGuard);
    used_ = 0;
  }
  std::uint8_t* take(std::size_t bytes, std::size_t alignment_jitter) {
    used_ += alignment_jitter;
    std::uint8_t* p = memory_.data() + used_;
    used_ += bytes + 16;
    if (used_ > memory_.size()) fail("arena too small");
    return p;
  }
  static bool guard_intact(const std::uint8_t* buffer, std::size_t bytes) {
    return std::all_of(buffer + bytes, buffer + bytes + 16, [](std::uint8_t b) { return b == kGuard; });
  }

 private:
  std::vector<std::uint8_t> memory_;
  std::size_t used_ = 0;
  tally_memory* handle_ = nullptr;
};

/// A receive that no message of the phase matches; it is cancelled sooner or later.
struct Decoy {
  tally_request* request;
  std::uint8_t* buffer;
};

constexpr std::size_t kDecoyBytes = 16;

struct Ended {
  tally_status status;
  tally_result result;
};

/// A message phase under way on this rank.
struct Phase {
  Phase(std::uint64_t n, const MessagePhase& its_plan, tally_group* its_group, tally_group* another,
        const std::vector<Receive>& its_receives, std::mt19937_64& its_local)
      : number(n), plan(its_plan), group(its_group), other_group(another), receives(its_receives), local(its_local) {}
  std::uint64_t number;
  const MessagePhase& plan;
  tally_group* group;
  tally_group* other_group;  ///< the same ranks, without a message in this phase
  const std::vector<Receive>& receives;
  std::mt19937_64& local;
  std::vector<tally_request*> requests;     ///< of the receives
  std::vector<std::optional<Ended>> ended;  ///< of receives that came to an end while they were posted
  std::vector<tally_message*> claims;       ///< of receives whose mrecv comes late
  std::vector<std::uint8_t*> buffers;
  std::vector<std::pair<const Message*, std::uint8_t*>> sends;
  std::vector<tally_request*> send_requests;
  std::vector<Decoy> decoys;
  std::size_t decoys_left = 300;
  std::size_t next_receive = 0;
  std::size_t next_send = 0;

  /// Rank of the job to rank of the group, and back.
  [[nodiscard]] int peer(int rank, int size) const { return rank == kAny || group == nullptr ? rank : size - 1 - rank; }
  [[nodiscard]] bool all_sent() const { return next_send == sends.size(); }
};

struct Seen {
  int source;
  int tag;
  std::uint64_t length;
  tally_status status;
  std::uint64_t hash;
};

class Runner {
 public:
  Runner(tally_endpoint* endpoint, int rank, int size, const std::string& out)
      : endpoint_(endpoint), rank_(rank), size_(size), arena_(endpoint, 96u << 20), out_(out) {
    std::vector<int> all, odd;
    for (int r = 0; r < size; ++r) {
      all.push_back(size - 1 - r);  // another order than the world's
      if (r % 2 == 1) odd.push_back(r);
    }
    check(tally_group_create(endpoint, all.data(), size, &reversed_), "tally_group_create");
    if (rank % 2 == 1)
      check(tally_group_create(endpoint, odd.data(), static_cast<int>(odd.size()), &odd_), "tally_group_create");
  }

  ~Runner() {
    check(tally_group_free(reversed_), "tally_group_free");
    if (odd_ != nullptr) check(tally_group_free(odd_), "tally_group_free");
  }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void messages(std::uint64_t number, const MessagePhase& phase, std::mt19937_64& local) {
    arena_.reset();
    const std::vector<Receive>& receives = phase.receives[static_cast<std::size_t>(rank_)];
    Phase p(number, phase, phase.duplicate_context ? reversed_ : nullptr,
            phase.duplicate_context ? nullptr : reversed_, receives, local);
    for (const Receive& r : receives) p.buffers.push_back(arena_.take(r.room, local() % 80));
    p.requests.resize(receives.size(), nullptr);
    p.ended.resize(receives.size());
    p.claims.resize(receives.size(), nullptr);
    for (const Message& m : phase.messages) {
      if (m.source != rank_) continue;
      std::uint8_t* buffer = arena_.take(m.length, local() % 80);
      for (std::uint32_t i = 0; i < m.length; ++i) buffer[i] = tally::test::payload_byte(number, m, i);
      p.sends.emplace_back(&m, buffer);
    }
    post_all(p, phase.order[static_cast<std::size_t>(rank_)]);
    for (std::size_t i = receives.size(); i-- > 0;)
      if (p.claims[i] != nullptr) start_claimed(p, i);

    std::vector<Seen> seen(receives.size());
    for (std::size_t i = 0; i < receives.size(); ++i) {
      tally_result result{};
      result.size = sizeof result;
      if (p.ended[i]) result = p.ended[i]->result;
      seen[i].status = p.ended[i] ? p.ended[i]->status : tally_wait(&p.requests[i], &result);
      if (seen[i].status != TALLY_OK && seen[i].status != TALLY_ERR_TRUNCATED) check(seen[i].status, "tally_wait");
      seen[i].source = p.peer(result.source, size_);  // back to a rank of the job
      seen[i].tag = result.tag;
      seen[i].length = result.length;
      const std::size_t got = std::min<std::uint64_t>(result.length, receives[i].room);
      seen[i].hash = fnv(p.buffers[i], got);
      if (!Arena::guard_intact(p.buffers[i], receives[i].room)) fail("bytes behind the receive buffer were written");
    }
    end_decoys(p, p.decoys.size());
    expect_nothing(p.group, kAny, kAny);
    check(tally_wait_all(p.send_requests.data(), p.send_requests.size()), "tally_wait_all");
    verify(number, phase, receives, p.buffers, seen);
    if (std::any_of(receives.begin(), receives.end(), [](const Receive& r) { return r.expected < 0; }))
      std::stable_sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
        return std::pair(a.source, a.tag) < std::pair(b.source, b.tag);  // arrival order of different sources is free
      });
    for (const Seen& s : seen)
      out_ << "p" << number << " source " << s.source << " tag " << s.tag << " length " << s.length << " status "
           << s.status << " hash " << std::hex << s.hash << std::dec << '\n';
    check(tally_barrier(endpoint_, nullptr), "tally_barrier");
  }

  /// One or many; see collective_phase.hpp.
  void collectives(std::uint64_t number, std::mt19937_64& plan, std::mt19937_64& local) {
    arena_.reset();
    const int odd_ranks = size_ / 2;
    tally::test::CollectivePhase phase{
        number, {{nullptr, size_, rank_}, {reversed_, size_, size_ - 1 - rank_}}};
    if (odd_ranks > 0) phase.groups.push_back({odd_, odd_ranks, odd_ == nullptr ? -1 : rank_ / 2});
    // A device that looks buffers up with the size of the whole vector reaches beyond the last one: the arena goes on.
    constexpr std::size_t kRoom = 32u << 20;
    auto* memory = reinterpret_cast<std::byte*>(arena_.take(kRoom, 0));
    const std::string wrong = tally::test::run_collectives(endpoint_, phase, plan, local, memory, kRoom, out_);
    if (!wrong.empty()) fail("phase " + std::to_string(number) + ": " + wrong);
  }

 private:
  /// Posts receives and sends in an order that the plan leaves open.
  void post_all(Phase& p, PostOrder order) {
    using tally::test::Sync;
    if (p.plan.sync == Sync::kAfterSends) {
      while (!p.all_sent()) send_next(p);
      check(tally_barrier(endpoint_, nullptr), "tally_barrier");
    } else if (p.plan.sync == Sync::kAfterReceives) {
      while (p.next_receive < p.receives.size()) receive_next(p);
      check(tally_barrier(endpoint_, nullptr), "tally_barrier");
    }
    while (p.next_receive < p.receives.size() || !p.all_sent()) {
      bool receive_turn = order == PostOrder::kReceivesFirst || (order == PostOrder::kMixed && p.local() % 2 == 0);
      if (p.next_receive == p.receives.size()) receive_turn = false;
      if (p.all_sent()) receive_turn = true;
      if (!receive_turn) {
        send_next(p);
      } else if (!receive_next(p)) {  // its message has not come: others may wait for this rank's
        if (!p.all_sent()) {
          send_next(p);
        } else {
          ::usleep(20);
        }
      }
      if (p.local() % 8 == 0) check(tally_endpoint_progress(endpoint_), "tally_endpoint_progress");
      if (p.local() % 64 == 0) ::usleep(static_cast<useconds_t>(p.local() % 1500));
    }
  }

  void send_next(Phase& p) {
    const auto& [m, buffer] = p.sends[p.next_send++];
    p.send_requests.push_back(nullptr);
    start(endpoint_, "tally_send_start", [&, message = m, from = buffer] {
      return tally_send_start(endpoint_, p.group, from, message->length, p.peer(message->destination, size_),
                              message->tag, &p.send_requests.back());
    });
  }

  /// False when it has to be tried again, because a probe found nothing.
  bool receive_next(Phase& p) {
    using tally::test::How;
    disturb(p);
    const std::size_t i = p.next_receive;
    const Receive& r = p.receives[i];
    const int source = p.peer(r.source, size_);
    // Once all is sent every rank may wait for messages; until then it asks.
    const bool may_block = p.all_sent() && p.local() % 2 == 0;
    tally_result result{};
    result.size = sizeof result;
    int found = 1;
    switch (r.how) {
      case How::kReceive: start_receive(p, i, source, r.tag); break;
      case How::kCancelAndRepeat: {
        start_receive(p, i, source, r.tag);
        check(tally_cancel(p.requests[i]), "tally_cancel");
        const tally_status status = tally_wait(&p.requests[i], &result);
        if (status == TALLY_ERR_CANCELLED) {
          start_receive(p, i, source, r.tag);
        } else {
          p.ended[i] = {status, result};
        }
        break;
      }
      case How::kProbe:
        if (may_block) {
          check(tally_probe(endpoint_, p.group, source, r.tag, &result), "tally_probe");
        } else {
          check(tally_iprobe(endpoint_, p.group, source, r.tag, &found, &result), "tally_iprobe");
        }
        if (found == 0) return false;
        check_report(p, r, result);
        start_receive(p, i, result.source, result.tag);
        break;
      case How::kClaim:
      case How::kClaimLate:
        if (may_block) {
          check(tally_mprobe(endpoint_, p.group, source, r.tag, &p.claims[i], &result), "tally_mprobe");
        } else {
          check(tally_improbe(endpoint_, p.group, source, r.tag, &found, &p.claims[i], &result), "tally_improbe");
        }
        if (found == 0) return false;
        check_report(p, r, result);
        if (r.how == How::kClaim) start_claimed(p, i);
        break;
    }
    ++p.next_receive;
    return true;
  }

  void start_receive(Phase& p, std::size_t i, int source, int tag) {
    start(endpoint_, "tally_recv_start", [&] {
      return tally_recv_start(endpoint_, p.group, p.buffers[i], p.receives[i].room, source, tag, &p.requests[i]);
    });
  }

  void start_claimed(Phase& p, std::size_t i) {
    start(endpoint_, "tally_mrecv_start",
          [&] { return tally_mrecv_start(&p.claims[i], p.buffers[i], p.receives[i].room, &p.requests[i]); });
    if (p.claims[i] != nullptr) fail("tally_mrecv_start left the message");
  }

  /// What a probe says of a message whose identity the plan knows.
  void check_report(const Phase& p, const Receive& r, const tally_result& result) {
    if (r.expected < 0) return;
    const Message& m = p.plan.messages[static_cast<std::size_t>(r.expected)];
    if (p.peer(result.source, size_) != m.source || result.tag != m.tag || result.length != m.length)
      fail("phase " + std::to_string(p.number) + ": a probe reports source " +
           std::to_string(p.peer(result.source, size_)) + " tag " + std::to_string(result.tag) + " length " +
           std::to_string(result.length) + ", the rules say source " + std::to_string(m.source) + " tag " +
           std::to_string(m.tag) + " length " + std::to_string(m.length));
  }

  void expect_nothing(tally_group* group, int source, int tag) {
    int found = -1;
    check(tally_iprobe(endpoint_, group, source, tag, &found, nullptr), "tally_iprobe");
    if (found != 0) fail("a probe found a message that nobody sent");
  }

  /// Receives and probes that must have no effect.
  void disturb(Phase& p) {
    const std::uint64_t pick = p.local() % 32;
    const bool elsewhere = p.local() % 2 == 0;
    const int source = p.local() % 2 == 0 ? kAny : static_cast<int>(p.local() % static_cast<unsigned>(size_));
    const int tag = elsewhere ? kAny : tally::test::kUnusedTag;
    tally_group* group = elsewhere ? p.other_group : p.group;
    if (pick < 4 && p.decoys_left > 0) {
      --p.decoys_left;
      p.decoys.push_back({nullptr, arena_.take(kDecoyBytes, p.local() % 16)});
      Decoy& decoy = p.decoys.back();
      start(endpoint_, "tally_recv_start", [&] {
        return tally_recv_start(endpoint_, group, decoy.buffer, kDecoyBytes, source, tag, &decoy.request);
      });
    } else if (pick == 4) {
      expect_nothing(group, source, tag);
    } else if (pick == 5 && !p.decoys.empty()) {
      std::swap(p.decoys.back(), p.decoys[p.local() % p.decoys.size()]);
      end_decoys(p, 1);
    }
  }

  /// Cancels the last `count` of them.
  void end_decoys(Phase& p, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k)
      check(tally_cancel(p.decoys[p.decoys.size() - 1 - k].request), "tally_cancel");
    for (; count > 0; --count) {
      Decoy decoy = p.decoys.back();
      p.decoys.pop_back();
      const tally_status status = tally_wait(&decoy.request, nullptr);
      if (status != TALLY_ERR_CANCELLED)
        fail(std::string("a receive without a message ended with ") + tally_status_name(status));
      if (!Arena::guard_intact(decoy.buffer, 0) || !Arena::guard_intact(decoy.buffer, kDecoyBytes))
        fail("the buffer of a cancelled receive was written");
    }
  }

  void verify(std::uint64_t number, const MessagePhase& phase, const std::vector<Receive>& receives,
              const std::vector<std::uint8_t*>& buffers, const std::vector<Seen>& seen) {
    // Messages for this rank, taken one by one: with any-source each source's stream stands on its own.
    std::vector<Message> pending;
    for (const Message& m : phase.messages)
      if (m.destination == rank_) pending.push_back(m);
    for (std::size_t i = 0; i < receives.size(); ++i) {
      const Receive& r = receives[i];
      std::size_t hit;
      if (r.expected >= 0) {
        hit = static_cast<std::size_t>(std::find_if(pending.begin(), pending.end(), [&](const Message& m) {
                                         return m.index == static_cast<std::uint64_t>(r.expected);
                                       }) - pending.begin());
      } else {
        hit = tally::test::earliest_match(pending, seen[i].source, r.tag);
      }
      const std::string where = "phase " + std::to_string(number) + " receive " + std::to_string(i) + ": ";
      if (hit == pending.size()) fail(where + "no such message was sent");
      const Message m = pending[hit];
      pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(hit));
      if (seen[i].source != m.source || seen[i].tag != m.tag || seen[i].length != m.length)
        fail(where + "got source " + std::to_string(seen[i].source) + " tag " + std::to_string(seen[i].tag) +
             " length " + std::to_string(seen[i].length) + ", the rules say source " + std::to_string(m.source) +
             " tag " + std::to_string(m.tag) + " length " + std::to_string(m.length));
      if ((seen[i].status == TALLY_ERR_TRUNCATED) != (m.length > r.room)) fail(where + "truncation not reported right");
      for (std::uint32_t k = 0; k < std::min(m.length, r.room); ++k)
        if (buffers[i][k] != tally::test::payload_byte(number, m, k)) fail(where + "wrong byte " + std::to_string(k));
    }
  }

  tally_endpoint* endpoint_;
  int rank_, size_;
  Arena arena_;
  std::ofstream out_;
  tally_group* reversed_ = nullptr;
  tally_group* odd_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"random program of messages and collectives"};
  std::uint64_t seed = 1, phases = 10;
  std::uint32_t max_bytes = 300u << 10;
  std::string out;
  app.add_option("--seed", seed);
  app.add_option("--phases", phases);
  app.add_option("--max-bytes", max_bytes);
  app.add_option("--out", out)->required();
  CLI11_PARSE(app, argc, argv);

  tally_endpoint* endpoint = nullptr;
  check(tally_endpoint_open(nullptr, &endpoint), "tally_endpoint_open");
  int size = 0;
  check(tally_endpoint_rank(endpoint, &g_rank), "tally_endpoint_rank");
  check(tally_endpoint_size(endpoint, &size), "tally_endpoint_size");
  {
    Runner runner(endpoint, g_rank, size, out + "." + std::to_string(g_rank));
    std::mt19937_64 plan(seed), local(seed * 31 + static_cast<std::uint64_t>(g_rank));
    for (std::uint64_t phase = 0; phase < phases; ++phase) {
      const std::uint64_t pick = plan() % 8;
      if (phase % 4 == 0 || pick < 4) {  // both kinds of deep queue come in every program of five phases
        using tally::test::Depth;
        const Depth depth = phase % 8 == 0   ? Depth::kDeepUnexpected
                            : phase % 8 == 4 ? Depth::kDeepPosted
                            : pick == 0      ? Depth::kDeep
                                             : Depth::kFlat;
        runner.messages(phase, tally::test::make_message_phase(plan, size, max_bytes, depth), local);
      } else {
        std::mt19937_64 own(plan());
        runner.collectives(phase, own, local);
      }
    }
    check(tally_barrier(endpoint, nullptr), "tally_barrier");
  }
  check(tally_endpoint_close(endpoint), "tally_endpoint_close");
  return 0;
}
