// SPDX-License-Identifier: BSD-3-Clause
// The smallest Tally program: who is there, on which engine.
//
//   tally run -n 4 --engine rtl -- build/release/examples/hello
#include <cstdio>

#include "tally/tally.hpp"

int main() {
  try {
    tally::Endpoint endpoint;  // joins the job that `tally run` started
    std::printf("hello from rank %d of %d on engine %s\n", endpoint.rank(), endpoint.size(), endpoint.engine().c_str());
    endpoint.all().barrier();
    endpoint.close();
    return 0;
  } catch (const tally::Error& error) {
    std::fprintf(stderr, "hello: %s\n", error.what());
    return 1;
  }
}
