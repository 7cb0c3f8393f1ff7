// SPDX-License-Identifier: BSD-3-Clause
// A program that does one thing wrong, by name, and reports what the library says: "STATUS: text" on stderr, exit code
// 3. The last rank is the odd one. Exit code 0: nobody noticed.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

#include "tally/tally.h"

namespace {

constexpr std::size_t kBytes = 2u << 20;

struct Rank {
  tally_endpoint* endpoint = nullptr;
  int rank = 0;
  int size = 0;
  std::vector<std::byte> memory = std::vector<std::byte>(2 * kBytes);
  std::vector<std::byte> foreign = std::vector<std::byte>(4096);
  void* a = memory.data();
  void* b = memory.data() + kBytes;
  [[nodiscard]] bool odd() const { return rank == size - 1; }
  tally_status allreduce(std::size_t count, tally_dtype dtype = TALLY_F64, tally_op op = TALLY_SUM) {
    return tally_allreduce(endpoint, nullptr, a, b, count, dtype, op);
  }
};

tally_status misuse(Rank& r, const std::string& what) {
  const bool odd = r.odd();
  const int next = (r.rank + 1) % r.size;
  if (what == "unregistered_send") return tally_send(r.endpoint, nullptr, r.foreign.data(), 100, next, 0);
  if (what == "unregistered_receive") return tally_recv(r.endpoint, nullptr, r.foreign.data(), 100, next, 0, nullptr);
  if (what == "unregistered_input")
    return tally_allreduce(r.endpoint, nullptr, r.foreign.data(), r.b, 8, TALLY_F64, TALLY_SUM);
  if (what == "negative_count") return r.allreduce(static_cast<std::size_t>(-1));
  if (what == "negative_count_bcast")
    return tally_bcast(r.endpoint, nullptr, r.a, static_cast<std::size_t>(-4), TALLY_BYTE, 0);
  if (what == "negative_length") return tally_send(r.endpoint, nullptr, r.a, static_cast<std::size_t>(-1), next, 0);
  if (what == "unknown_dtype") return r.allreduce(8, static_cast<tally_dtype>(31));
  if (what == "unknown_op") return r.allreduce(8, TALLY_F64, static_cast<tally_op>(15));
  if (what == "root_out_of_range") return tally_bcast(r.endpoint, nullptr, r.a, 8, TALLY_I32, r.size);
  if (what == "destination_out_of_range") return tally_send(r.endpoint, nullptr, r.a, 8, r.size, 0);
  if (what == "count") return r.allreduce(odd ? 9 : 8);
  if (what == "count_and_algorithm") return r.allreduce(odd ? 131072 : 1);
  if (what == "count_and_algorithm_reversed") return r.allreduce(odd ? 1 : 131072);
  if (what == "count_zero") return r.allreduce(odd ? 0 : 4096);
  if (what == "dtype") return r.allreduce(8, odd ? TALLY_I64 : TALLY_F64);
  if (what == "op") return r.allreduce(8, TALLY_F64, odd ? TALLY_MIN : TALLY_SUM);
  if (what == "root") return tally_bcast(r.endpoint, nullptr, r.a, 8, TALLY_I32, odd ? r.size - 1 : 0);
  if (what == "bcast_count") return tally_bcast(r.endpoint, nullptr, r.a, odd ? 100000 : 8, TALLY_BYTE, 0);
  if (what == "barrier_against_allreduce") return odd ? tally_barrier(r.endpoint, nullptr) : r.allreduce(8);
  if (what == "killed_in_messages" || what == "killed_in_collectives" || what == "go_on") {
    for (int round = 0;; ++round) {
      if (odd && round == 20 && what != "go_on") ::raise(SIGKILL);
      if (!odd && round == 20 && r.rank == 0) {
        std::puts("under way");
        std::fflush(stdout);
      }
      if (what != "killed_in_messages") {
        const tally_status status = r.allreduce(2000);
        if (status != TALLY_OK) return status;
        continue;
      }
      tally_request* requests[2] = {};
      tally_status status =
          tally_recv_start(r.endpoint, nullptr, r.b, 9000, (r.rank + r.size - 1) % r.size, round, &requests[0]);
      if (status == TALLY_OK) status = tally_send_start(r.endpoint, nullptr, r.a, 9000, next, round, &requests[1]);
      if (status == TALLY_OK) status = tally_wait_all(requests, 2);
      if (status != TALLY_OK) return status;
    }
  }
  std::fprintf(stderr, "no misuse '%s'\n", what.c_str());
  _exit(4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 4;
  Rank r;
  tally_memory* region = nullptr;
  if (tally_endpoint_open(nullptr, &r.endpoint) != TALLY_OK ||
      tally_memory_register(r.endpoint, r.memory.data(), r.memory.size(), &region) != TALLY_OK) {
    std::fprintf(stderr, "%s\n", tally_last_error());
    return 4;
  }
  (void)tally_endpoint_rank(r.endpoint, &r.rank);
  (void)tally_endpoint_size(r.endpoint, &r.size);
  // All are in before one ends the job.
  tally_status status = tally_barrier(r.endpoint, nullptr);
  if (status == TALLY_OK) status = misuse(r, argv[1]);
  // A rank whose own part is done, as the root of a bcast, hears of it by the next collective.
  for (int i = 0; i < 2000 && status == TALLY_OK; ++i) {
    status = tally_barrier(r.endpoint, nullptr);
    ::usleep(1000);
  }
  if (status == TALLY_OK) return 0;
  std::fprintf(stderr, "rank %d: %s: %s\n", r.rank, tally_status_name(status), tally_last_error());
  return 3;
}
