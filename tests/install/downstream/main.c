/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <tally/tally.h>

#define CHECK(call)                                           \
  do {                                                        \
    if ((call) != TALLY_OK) {                                 \
      fprintf(stderr, "%s: %s\n", #call, tally_last_error()); \
      return 1;                                               \
    }                                                         \
  } while (0)

int main(void) {
  tally_endpoint* endpoint = NULL;
  tally_memory* memory = NULL;
  double values[4] = {1, 2, 3, 4};
  CHECK(tally_endpoint_open(NULL, &endpoint));
  CHECK(tally_memory_register(endpoint, values, sizeof values, &memory));
  CHECK(tally_allreduce(endpoint, NULL, values, values, 4, TALLY_F64, TALLY_SUM));
  CHECK(tally_barrier(endpoint, NULL));
  CHECK(tally_memory_deregister(memory));
  CHECK(tally_endpoint_close(endpoint));
  return values[3] == 4 ? 0 : 1;
}
