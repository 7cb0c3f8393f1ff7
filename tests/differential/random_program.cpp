// SPDX-License-Identifier: BSD-3-Clause
// Runs a random program of sends, receives, wildcards and collectives under `tally run`, checks every result against
// the matching rules and plain arithmetic, and writes what it saw to OUT.<rank>: two engines must write the same.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

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
    tally_group* group = phase.duplicate_context ? reversed_ : nullptr;
    const auto peer = [&](int r) { return r == kAny || group == nullptr ? r : size_ - 1 - r; };
    const std::vector<Receive>& receives = phase.receives[static_cast<std::size_t>(rank_)];
    std::vector<tally_request*> recv_requests(receives.size(), nullptr), send_requests;
    std::vector<std::uint8_t*> buffers(receives.size());
    for (std::size_t i = 0; i < receives.size(); ++i) buffers[i] = arena_.take(receives[i].room, local() % 80);
    std::vector<std::pair<const Message*, std::uint8_t*>> sends;
    for (const Message& m : phase.messages)
      if (m.source == rank_) {
        std::uint8_t* p = arena_.take(m.length, local() % 80);
        for (std::uint32_t i = 0; i < m.length; ++i) p[i] = tally::test::payload_byte(number, m, i);
        sends.emplace_back(&m, p);
      }
    std::size_t next_recv = 0, next_send = 0;
    const PostOrder order = phase.order[static_cast<std::size_t>(rank_)];
    while (next_recv < receives.size() || next_send < sends.size()) {
      bool recv_turn = order == PostOrder::kReceivesFirst ||
                       (order == PostOrder::kMixed && local() % 2 == 0);
      if (next_recv == receives.size()) recv_turn = false;
      if (next_send == sends.size()) recv_turn = true;
      if (recv_turn) {
        const Receive& r = receives[next_recv];
        check(tally_recv_start(endpoint_, group, buffers[next_recv], r.room, peer(r.source), r.tag,
                               &recv_requests[next_recv]),
              "tally_recv_start");
        ++next_recv;
      } else {
        const auto& [m, p] = sends[next_send++];
        send_requests.push_back(nullptr);
        check(tally_send_start(endpoint_, group, p, m->length, peer(m->destination), m->tag, &send_requests.back()),
              "tally_send_start");
      }
      if (local() % 8 == 0) check(tally_endpoint_progress(endpoint_), "tally_endpoint_progress");
      if (local() % 64 == 0) ::usleep(static_cast<useconds_t>(local() % 1500));
    }
    std::vector<Seen> seen(receives.size());
    for (std::size_t i = 0; i < receives.size(); ++i) {
      tally_result result{};
      result.size = sizeof result;
      seen[i].status = tally_wait(&recv_requests[i], &result);
      if (seen[i].status != TALLY_OK && seen[i].status != TALLY_ERR_TRUNCATED) check(seen[i].status, "tally_wait");
      seen[i].source = peer(result.source);  // back to a rank of the job
      seen[i].tag = result.tag;
      seen[i].length = result.length;
      const std::size_t got = std::min<std::uint64_t>(result.length, receives[i].room);
      seen[i].hash = fnv(buffers[i], got);
      if (!Arena::guard_intact(buffers[i], receives[i].room)) fail("bytes behind the receive buffer were written");
    }
    check(tally_wait_all(send_requests.data(), send_requests.size()), "tally_wait_all");
    verify(number, phase, receives, buffers, seen);
    if (!receives.empty() && receives[0].source == kAny)  // arrival order of different sources is free
      std::stable_sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
        return std::pair(a.source, a.tag) < std::pair(b.source, b.tag);
      });
    for (const Seen& s : seen)
      out_ << "p" << number << " source " << s.source << " tag " << s.tag << " length " << s.length << " status "
           << s.status << " hash " << std::hex << s.hash << std::dec << '\n';
    check(tally_barrier(endpoint_, nullptr), "tally_barrier");
  }

  void collective(std::uint64_t number, std::mt19937_64& plan) {
    arena_.reset();
    const std::uint64_t which = plan() % 4, kind = plan() % 4, pick = plan();
    const auto dtype = std::array{TALLY_I32, TALLY_I64, TALLY_F32, TALLY_F64}[pick % 4];
    const auto op = std::array{TALLY_SUM, TALLY_MIN, TALLY_MAX}[(pick >> 8) % 3];
    const char* algorithm = std::array{"auto", "ring", "recursive_doubling"}[(pick >> 16) % 3];
    const std::size_t count = (pick >> 24) % 3 == 0 ? plan() % 17 : plan() % 6000;
    const bool in_place = (pick >> 32) % 2 == 0;
    const std::uint64_t data_seed = plan(), root_pick = plan();
    tally_group* group = which == 0 ? reversed_ : which == 1 ? odd_ : nullptr;
    if (which == 1 && rank_ % 2 == 0) return;  // not a member
    int group_size = size_, group_rank = rank_;
    if (group != nullptr) {
      check(tally_group_size(group, &group_size), "tally_group_size");
      check(tally_group_rank(group, &group_rank), "tally_group_rank");
    }
    const std::size_t bytes = count * (dtype == TALLY_I32 || dtype == TALLY_F32 ? 4 : 8);
    std::uint8_t* input = arena_.take(bytes, 8 + plan() % 8 * 8);
    std::uint8_t* output = in_place ? input : arena_.take(bytes, 24);
    fill(input, bytes, dtype, data_seed, group_rank);
    if (kind == 0) {
      check(tally_barrier(endpoint_, group), "tally_barrier");
      return;
    }
    if (kind == 1) {
      const int root = static_cast<int>(root_pick % static_cast<unsigned>(group_size));
      check(tally_bcast(endpoint_, group, input, count, dtype, root), "tally_bcast");
      std::vector<std::uint8_t> expected(bytes);
      fill(expected.data(), bytes, dtype, data_seed, root);
      if (std::memcmp(expected.data(), input, bytes) != 0) fail("bcast: wrong bytes in phase " + std::to_string(number));
    } else {
      if (group != nullptr) check(tally_group_set_algorithm(group, algorithm), "tally_group_set_algorithm");
      check(tally_allreduce(endpoint_, group, input, output, count, dtype, op), "tally_allreduce");
      if (dtype == TALLY_I32) check_integers<std::int32_t>(number, output, count, op, data_seed, group_size);
      if (dtype == TALLY_I64) check_integers<std::int64_t>(number, output, count, op, data_seed, group_size);
    }
    const std::uint8_t* result = kind == 1 ? input : output;
    if (!Arena::guard_intact(result, bytes)) fail("collective: bytes behind the buffer were written");
    out_ << "c" << number << " kind " << kind << " dtype " << dtype << " op " << op << " count " << count << " hash "
         << std::hex << fnv(result, bytes) << std::dec << '\n';
  }

 private:
  static void fill(std::uint8_t* p, std::size_t bytes, tally_dtype dtype, std::uint64_t seed, int rank) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(rank) * 7919);
    if (dtype == TALLY_F32) {
      for (std::size_t i = 0; i < bytes; i += 4) {
        const auto v = static_cast<float>(static_cast<std::int64_t>(random()) >> (random() % 40)) * 1e-9f;
        std::memcpy(p + i, &v, 4);
      }
    } else if (dtype == TALLY_F64) {
      for (std::size_t i = 0; i < bytes; i += 8) {
        const auto v = static_cast<double>(static_cast<std::int64_t>(random()) >> (random() % 60)) * 1e-5;
        std::memcpy(p + i, &v, 8);
      }
    } else {
      for (std::size_t i = 0; i < bytes; ++i) p[i] = static_cast<std::uint8_t>(random());
    }
  }

  template <typename T>
  void check_integers(std::uint64_t number, const std::uint8_t* output, std::size_t count, tally_op op,
                      std::uint64_t seed, int ranks) {
    using U = std::make_unsigned_t<T>;
    std::vector<T> expected(count), input(count);
    for (int r = 0; r < ranks; ++r) {
      fill(reinterpret_cast<std::uint8_t*>(input.data()), count * sizeof(T), sizeof(T) == 4 ? TALLY_I32 : TALLY_I64,
           seed, r);
      for (std::size_t i = 0; i < count; ++i) {
        if (r == 0) expected[i] = input[i];
        else if (op == TALLY_SUM) expected[i] = static_cast<T>(static_cast<U>(expected[i]) + static_cast<U>(input[i]));
        else if (op == TALLY_MIN) expected[i] = std::min(expected[i], input[i]);
        else expected[i] = std::max(expected[i], input[i]);
      }
    }
    if (count > 0 && std::memcmp(expected.data(), output, count * sizeof(T)) != 0)
      fail("allreduce: wrong integers in phase " + std::to_string(number));
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
  std::uint32_t max_bytes = 40000;
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
      if (plan() % 2 == 0) {
        runner.messages(phase, tally::test::make_message_phase(plan, size, max_bytes), local);
      } else {
        std::mt19937_64 own(plan());
        runner.collective(phase, own);
      }
    }
    check(tally_barrier(endpoint, nullptr), "tally_barrier");
  }
  check(tally_endpoint_close(endpoint), "tally_endpoint_close");
  return 0;
}
