// SPDX-License-Identifier: BSD-3-Clause
// A rank of the tests' jobs. The first argument says what it does; it prints one line, "rank R of N: ...".
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tally/tally.h"

namespace {

int rank = -1;
int size = 0;
tally_endpoint* endpoint = nullptr;

void say(const std::string& text) {
  std::fputs(fmt::format("rank {} of {}: {}\n", rank, size, text).c_str(), stdout);
  std::fflush(stdout);
}

[[noreturn]] void fail(const std::string& what) {
  say(fmt::format("FAILED: {}: {}", what, tally_last_error()));
  std::exit(1);
}

void need(tally_status status, const char* what) {
  if (status != TALLY_OK) fail(fmt::format("{}: {}", what, tally_status_name(status)));
}

void check(bool right, const std::string& what) {
  if (!right) fail(what);
}

/// Memory that messages go through, registered for good.
std::vector<std::uint8_t>& buffer(std::size_t bytes) {
  auto* memory = new std::vector<std::uint8_t>(bytes);
  tally_memory* region = nullptr;
  need(tally_memory_register(endpoint, memory->data(), bytes, &region), "register");
  return *memory;
}

std::uint8_t pattern(int from, int to, std::size_t i) {
  return static_cast<std::uint8_t>(from * 31 + to * 17 + static_cast<int>(i * 7 + i / 251));
}

/// Every rank sends to every rank, itself too, messages of all sizes; then a sum over all.
void exchange() {
  const auto n = static_cast<std::size_t>(size);
  for (const std::size_t bytes : {0u, 1u, 8u, 4096u, 8192u, 8193u, 12288u, 100000u, 3000001u}) {
    auto& out = buffer(n * (bytes + 1));
    auto& in = buffer(n * (bytes + 1));
    std::vector<tally_request*> requests;
    for (int peer = 0; peer < size; ++peer) {
      requests.emplace_back();
      need(tally_recv_start(endpoint, nullptr, &in[static_cast<std::size_t>(peer) * (bytes + 1)], bytes, peer,
                            5, &requests.back()),
           "recv");
    }
    for (int peer = 0; peer < size; ++peer) {
      std::uint8_t* at = &out[static_cast<std::size_t>(peer) * (bytes + 1)];
      for (std::size_t i = 0; i < bytes; ++i) at[i] = pattern(rank, peer, i);
      requests.emplace_back();
      need(tally_send_start(endpoint, nullptr, at, bytes, peer, 5, &requests.back()), "send");
    }
    need(tally_wait_all(requests.data(), requests.size()), "wait_all");
    for (int peer = 0; peer < size; ++peer) {
      const std::uint8_t* at = &in[static_cast<std::size_t>(peer) * (bytes + 1)];
      for (std::size_t i = 0; i < bytes; ++i) {
        if (at[i] != pattern(peer, rank, i)) fail(fmt::format("byte {} of {} from {}", i, bytes, peer));
      }
    }
  }
  auto& memory = buffer(16 * 50000);
  auto* in = reinterpret_cast<std::int64_t*>(memory.data());
  std::int64_t* out = in + 50000;
  for (int i = 0; i < 50000; ++i) in[i] = rank + i;
  need(tally_allreduce(endpoint, nullptr, in, out, 50000, TALLY_I64, TALLY_SUM), "allreduce");
  for (int i = 0; i < 50000; ++i) {
    if (out[i] != std::int64_t{size} * i + std::int64_t{size} * (size - 1) / 2) fail("sum");
  }
  // Groups of ranks of all hosts, led by different ranks, at the same time.
  std::vector<int> odd_even;
  for (int r = rank % 2; r < size; r += 2) odd_even.push_back(r);
  tally_group* group = nullptr;
  need(tally_group_create(endpoint, odd_even.data(), static_cast<int>(odd_even.size()), &group), "group");
  need(tally_allreduce(endpoint, group, in, out, 100, TALLY_I64, TALLY_SUM), "allreduce of a group");
  std::int64_t ranks = 0;
  for (const int r : odd_even) ranks += r;
  check(out[3] == ranks + 3 * static_cast<std::int64_t>(odd_even.size()), "sum of a group");
  need(tally_group_free(group), "free");
  need(tally_barrier(endpoint, nullptr), "barrier");
}

/// Returns when all others have called it, for rank `who` only: they have left the collectives before it
/// then.
void others_are_here(int who) {
  auto& memory = buffer(1);
  if (rank != who) return need(tally_send(endpoint, nullptr, memory.data(), 1, who, 77), "ready");
  for (int peer = 0; peer < size; ++peer) {
    if (peer != who) need(tally_recv(endpoint, nullptr, memory.data(), 1, peer, 77, nullptr), "ready");
  }
}

/// Rank `victim` dies after all have talked to each other; the others wait for it.
int die(int victim) {
  exchange();
  others_are_here(victim);
  if (rank == victim) (void)::raise(SIGKILL);
  const auto start = std::chrono::steady_clock::now();
  auto& memory = buffer(8);
  const tally_status status = tally_recv(endpoint, nullptr, memory.data(), 8, victim, 9, nullptr);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  say(fmt::format("ended after {} with {}: {}", took.count() < 15 ? "a while" : "too long",
                  tally_status_name(status), tally_last_error()));
  return status == TALLY_OK ? 1 : 0;
}

/// The last rank does not take part in anything for a while; the others talk on, and then it gets all that
/// was sent to it.
void absent() {
  constexpr int kMessages = 2000;
  const int last = size - 1;
  auto& out = buffer(8 * kMessages);
  auto& in = buffer(8 * kMessages);
  exchange();
  if (rank == last) {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    for (int from = 0; from < last; ++from) {
      for (int i = 0; i < kMessages; ++i) {
        need(tally_recv(endpoint, nullptr, in.data(), 8, from, 1, nullptr), "recv");
        std::int64_t value = 0;
        std::memcpy(&value, in.data(), 8);
        check(value == from * 100000 + i, fmt::format("message {} of rank {} is {}", i, from, value));
      }
    }
    return;
  }
  std::vector<tally_request*> requests;
  for (int i = 0; i < kMessages; ++i) {
    const std::int64_t value = rank * 100000 + i;
    std::memcpy(&out[static_cast<std::size_t>(8 * i)], &value, 8);
    requests.emplace_back();
    need(tally_send_start(endpoint, nullptr, &out[static_cast<std::size_t>(8 * i)], 8, last, 1,
                          &requests.back()),
         "send");
  }
  const auto start = std::chrono::steady_clock::now();
  for (int lap = 0; lap < 50 && last > 1; ++lap) {
    tally_request* receive = nullptr;
    need(tally_recv_start(endpoint, nullptr, in.data(), 8, (rank + last - 1) % last, 2, &receive), "recv");
    need(tally_send(endpoint, nullptr, out.data(), 8, (rank + 1) % last, 2), "send");
    need(tally_wait(&receive, nullptr), "wait");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  say(took.count() < 1.5 ? "the others go on" : "the others were held up");
  need(tally_wait_all(requests.data(), requests.size()), "wait_all");
}

/// Rank 0 gives up a collective that the others wait in.
int broken() {
  exchange();
  for (int peer = 0; peer < size; ++peer) others_are_here(peer);
  auto& memory = buffer(80);
  if (rank != 0) {
    const tally_status status =
        tally_allreduce(endpoint, nullptr, memory.data(), memory.data() + 8, 1, TALLY_I64, TALLY_SUM);
    say(fmt::format("{}: {}", tally_status_name(status), tally_last_error()));
    return status == TALLY_ERR_ABORTED || status == TALLY_ERR_MISMATCH ? 0 : 1;
  }
  // Another type than the others'.
  const tally_status status =
      tally_allreduce(endpoint, nullptr, memory.data(), memory.data() + 8, 2, TALLY_U32, TALLY_MAX);
  say(fmt::format("{}: {}", tally_status_name(status), tally_last_error()));
  return status == TALLY_ERR_ABORTED || status == TALLY_ERR_MISMATCH ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "exchange";
  const tally_status opened = tally_endpoint_open(nullptr, &endpoint);
  if (opened != TALLY_OK) {
    std::fputs(fmt::format("open: {}: {}\n", tally_status_name(opened), tally_last_error()).c_str(), stdout);
    return 3;
  }
  (void)tally_endpoint_rank(endpoint, &rank);
  (void)tally_endpoint_size(endpoint, &size);
  int code = 0;
  if (what == "exchange") exchange();
  if (what == "absent") absent();
  if (what == "die") return die(argc > 2 ? std::atoi(argv[2]) : 0);
  if (what == "broken") code = broken();
  if (what == "twice") {
    tally_endpoint* second = nullptr;
    check(tally_endpoint_open(nullptr, &second) == TALLY_ERR_JOB, "a second endpoint opened");
    say(tally_last_error());
    need(tally_endpoint_close(endpoint), "close");
    check(tally_endpoint_open(nullptr, &second) == TALLY_ERR_JOB, "an endpoint opened after the close");
    say(tally_last_error());
    return 0;
  }
  if (what == "quit") return 0;  // without a close
  need(tally_endpoint_close(endpoint), "close");
  say("done");
  return code;
}
