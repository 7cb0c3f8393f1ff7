// SPDX-License-Identifier: BSD-3-Clause
// Jobs that wait for themselves, and jobs that only look as if they did. tally_launch_deadlock WHAT
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tally/tally.h"

namespace {

void ok(tally_status status) {
  if (status == TALLY_OK) return;
  std::fprintf(stderr, "%s: %s\n", tally_status_name(status), tally_last_error());
  std::exit(3);
}

void say_what(void* argument, char* text, std::size_t bytes) {
  std::snprintf(text, bytes, "act %d of the play", *static_cast<int*>(argument));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 2 ? argv[1] : "";
  tally_endpoint* endpoint = nullptr;
  int rank = 0;
  int size = 0;
  ok(tally_endpoint_open(nullptr, &endpoint));
  ok(tally_endpoint_rank(endpoint, &rank));
  ok(tally_endpoint_size(endpoint, &size));
  std::vector<char> memory(1 << 20);
  tally_memory* region = nullptr;
  ok(tally_memory_register(endpoint, memory.data(), memory.size(), &region));
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  ok(tally_barrier(endpoint, nullptr));
  if (what == "cycle") {  // each waits for the one before it
    int act = rank + 1;
    ok(tally_endpoint_on_wait(endpoint, say_what, &act));
    ok(tally_recv(endpoint, nullptr, memory.data(), 8, last, 7, nullptr));
  } else if (what == "left") {  // the others wait for one that has left
    if (rank == 0) {
      ok(tally_endpoint_close(endpoint));
      return 0;
    }
    ok(tally_recv(endpoint, nullptr, memory.data(), 8, 0, 7, nullptr));
  } else if (what == "collective") {  // rank 0 does not come, and waits for a message
    if (rank == 0) {
      ok(tally_recv(endpoint, nullptr, memory.data(), 8, TALLY_ANY_SOURCE, TALLY_ANY_TAG, nullptr));
    } else {
      ok(tally_barrier(endpoint, nullptr));
    }
  } else if (what == "late") {  // rank 0 computes, then sends
    if (rank == 0) ::sleep(3);
    if (rank != 0) ok(tally_recv(endpoint, nullptr, memory.data(), 8, last, 7, nullptr));
    if (rank != size - 1) ok(tally_send(endpoint, nullptr, memory.data(), 8, next, 7));
  } else if (what == "polls") {  // rank 0 tests without waiting, and sends at last
    if (rank == 0) {
      tally_request* request = nullptr;
      ok(tally_recv_start(endpoint, nullptr, memory.data(), 8, last, 8, &request));
      for (int i = 0; i < 300; ++i) {
        if (tally_test(&request, nullptr) != TALLY_AGAIN) return 4;
        ::usleep(10000);
      }
      ok(tally_send(endpoint, nullptr, memory.data() + 64, 8, next, 7));
      ok(tally_wait(&request, nullptr));
    } else {
      ok(tally_recv(endpoint, nullptr, memory.data(), 8, last, 7, nullptr));
      ok(tally_send(endpoint, nullptr, memory.data(), 8, next, rank == size - 1 ? 8 : 7));
    }
  } else {
    return 5;
  }
  ok(tally_endpoint_close(endpoint));
  return 0;
}
