// SPDX-License-Identifier: BSD-3-Clause
// A rank that does a known amount of work, for the counters table: one barrier, and one message of 100 bytes from rank 0 to
// rank 1.
#include <array>
#include <cstdio>

#include "tally/tally.h"

namespace {

int failed(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, tally_last_error());
  return 1;
}

}  // namespace

int main() {
  tally_endpoint* endpoint = nullptr;
  if (tally_endpoint_open(nullptr, &endpoint) != TALLY_OK) return failed("open");
  int rank = 0;
  int size = 0;
  if (tally_endpoint_rank(endpoint, &rank) != TALLY_OK) return failed("rank");
  if (tally_endpoint_size(endpoint, &size) != TALLY_OK) return failed("size");
  alignas(64) static std::array<char, 100> buffer{};
  tally_memory* memory = nullptr;
  if (tally_memory_register(endpoint, buffer.data(), buffer.size(), &memory) != TALLY_OK) return failed("register");
  if (tally_barrier(endpoint, nullptr) != TALLY_OK) return failed("barrier");
  if (size > 1 && rank == 0 && tally_send(endpoint, nullptr, buffer.data(), buffer.size(), 1, 7) != TALLY_OK) {
    return failed("send");
  }
  if (rank == 1 && tally_recv(endpoint, nullptr, buffer.data(), buffer.size(), 0, 7, nullptr) != TALLY_OK) {
    return failed("recv");
  }
  if (tally_memory_deregister(memory) != TALLY_OK) return failed("deregister");
  if (tally_endpoint_close(endpoint) != TALLY_OK) return failed("close");
  return 0;
}
