/* SPDX-License-Identifier: BSD-3-Clause */
/* A token travels round the ranks; each adds its rank. In C, with the plain API.
 *
 *   tally run -n 4 --engine rtl -- build/release/examples/ring
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tally/tally.h"

static void check(tally_status status, const char* what) {
  if (status == TALLY_OK) return;
  fprintf(stderr, "ring: %s: %s: %s\n", what, tally_status_name(status), tally_last_error());
  exit(1);
}

int main(void) {
  enum { kTag = 42, kLaps = 3 };
  static int64_t token[2]; /* what is received, what is sent */
  tally_endpoint* endpoint = NULL;
  tally_memory* memory = NULL;
  int rank = 0;
  int size = 0;

  check(tally_endpoint_open(NULL, &endpoint), "open");
  check(tally_endpoint_rank(endpoint, &rank), "rank");
  check(tally_endpoint_size(endpoint, &size), "size");
  check(tally_memory_register(endpoint, token, sizeof token, &memory), "register");

  int64_t expected = 0;
  for (int lap = 0; lap < kLaps; ++lap) {
    /* The receive is posted before the send: the message then goes straight to its buffer, and one rank may send to
     * itself. */
    tally_request* receive = NULL;
    tally_result result = {.size = sizeof result};
    check(tally_recv_start(endpoint, NULL, &token[0], sizeof token[0], (rank + size - 1) % size, kTag, &receive),
          "receive");
    if (rank == 0) {
      token[1] = expected;
      check(tally_send(endpoint, NULL, &token[1], sizeof token[1], (rank + 1) % size, kTag), "send");
      check(tally_wait(&receive, &result), "wait");
    } else {
      check(tally_wait(&receive, &result), "wait");
      token[1] = token[0] + rank;
      check(tally_send(endpoint, NULL, &token[1], sizeof token[1], (rank + 1) % size, kTag), "send");
    }
    expected += (int64_t)size * (size - 1) / 2;
    if (rank == 0) {
      printf("lap %d: the token came back from rank %d with %lld (expected %lld)\n", lap + 1, (int)result.source,
             (long long)token[0], (long long)expected);
      if (token[0] != expected || result.length != sizeof token[0]) return 1;
    }
  }
  check(tally_memory_deregister(memory), "deregister");
  check(tally_endpoint_close(endpoint), "close");
  return 0;
}
