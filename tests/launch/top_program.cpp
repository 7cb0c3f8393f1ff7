// SPDX-License-Identifier: BSD-3-Clause
// A rank to be looked at: rank 0 sends five messages of 100 bytes to rank 1, then each does until FILE exists what HOW says and
// leaves the job. It prints "ready PID" in between.
//   calls     calls Tally again and again, without work for it
//   computes  does not call it
//   barriers  goes through barriers; rank 0 decides when it is over
//   waits     rank 0 as calls; the others wait for a message from it
//   crashes   as calls, then rank 0 dies without leaving the job
// Arguments: HOW FILE
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <unistd.h>

#include "tally/tally.h"

namespace {

int failed(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, tally_last_error());
  return 1;
}

bool exists(const char* path) { return access(path, F_OK) == 0; }
void pause_a_little() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string how = argv[1];
  const char* const file = argv[2];
  tally_options options{};
  options.size = sizeof options;
  options.memory_cache = 1;
  tally_endpoint* endpoint = nullptr;
  if (tally_endpoint_open_with(&options, &endpoint) != TALLY_OK) return failed("open");
  int rank = 0;
  int size = 0;
  if (tally_endpoint_rank(endpoint, &rank) != TALLY_OK) return failed("rank");
  if (tally_endpoint_size(endpoint, &size) != TALLY_OK) return failed("size");
  std::array<char, 100> buffer{};
  for (int i = 0; i < 5 && size > 1; ++i) {
    if (rank == 0 && tally_send(endpoint, nullptr, buffer.data(), buffer.size(), 1, i) != TALLY_OK) return failed("send");
    if (rank == 1 && tally_recv(endpoint, nullptr, buffer.data(), buffer.size(), 0, i, nullptr) != TALLY_OK)
      return failed("recv");
  }
  std::printf("ready %d\n", static_cast<int>(getpid()));
  std::fflush(stdout);
  if (how == "barriers") {
    for (int over = 0; over == 0;) {
      if (rank == 0) over = exists(file) ? 1 : 0;
      if (tally_barrier(endpoint, nullptr) != TALLY_OK) return failed("barrier");
      if (tally_bcast(endpoint, nullptr, &over, 1, TALLY_I32, 0) != TALLY_OK) return failed("bcast");
    }
  } else {
    const bool receives = how == "waits" && rank != 0;
    while (!receives && !exists(file)) {
      if (how != "computes" && tally_endpoint_progress(endpoint) != TALLY_OK) return failed("progress");
      pause_a_little();
    }
    if (how == "crashes" && rank == 0) raise(SIGKILL);
    if (how == "waits" && rank == 0) {
      for (int peer = 1; peer < size; ++peer) {
        if (tally_send(endpoint, nullptr, buffer.data(), 1, peer, 9) != TALLY_OK) return failed("send");
      }
    }
    if (receives && tally_recv(endpoint, nullptr, buffer.data(), 1, 0, 9, nullptr) != TALLY_OK) return failed("recv");
  }
  return tally_endpoint_close(endpoint) == TALLY_OK ? 0 : failed("close");
}
