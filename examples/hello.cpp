// SPDX-License-Identifier: BSD-3-Clause
// The smallest Tally program: who is there, on which engine.
//
//   tally run -n 4 --engine rtl -- build/release/examples/hello
#include <cstdio>

#include "tally/tally.h"

namespace {

int fail(const char* what, tally_status status) {
  std::fprintf(stderr, "hello: %s: %s: %s\n", what, tally_status_name(status), tally_last_error());
  return 1;
}

}  // namespace

int main() {
  tally_endpoint* endpoint = nullptr;
  if (const auto status = tally_endpoint_open(nullptr, &endpoint); status != TALLY_OK) return fail("open", status);
  int rank = 0;
  int size = 0;
  const char* engine = nullptr;
  if (const auto status = tally_endpoint_rank(endpoint, &rank); status != TALLY_OK) return fail("rank", status);
  if (const auto status = tally_endpoint_size(endpoint, &size); status != TALLY_OK) return fail("size", status);
  if (const auto status = tally_endpoint_engine(endpoint, &engine); status != TALLY_OK) return fail("engine", status);
  std::printf("hello from rank %d of %d on engine %s\n", rank, size, engine);
  if (const auto status = tally_barrier(endpoint, nullptr); status != TALLY_OK) return fail("barrier", status);
  if (const auto status = tally_endpoint_close(endpoint); status != TALLY_OK) return fail("close", status);
  return 0;
}
