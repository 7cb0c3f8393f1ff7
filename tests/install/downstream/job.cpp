// SPDX-License-Identifier: BSD-3-Clause
// A rank of a job: sums 1 .. N over the ranks and checks the sum and the engine, which is the first argument.
#include <cstdio>
#include <tally/tally.hpp>

#include <vector>

int main(int argc, char** argv) {
  try {
    tally::Endpoint endpoint;
    if (argc == 2 && endpoint.engine() != argv[1]) {
      std::fprintf(stderr, "engine %s instead of %s\n", endpoint.engine().c_str(), argv[1]);
      return 1;
    }
    const int n = endpoint.size();
    std::vector<double> values(100, endpoint.rank() + 1);
    {
      const tally::Memory memory = endpoint.register_memory(std::span(values));
      endpoint.all().allreduce(std::span(values), TALLY_SUM);
    }
    if (argc == 2 && endpoint.rank() == 0) std::printf("sum over %d ranks: %.0f\n", n, values[99]);
    endpoint.close();
    return values[0] == n * (n + 1) / 2 && values[99] == values[0] ? 0 : 1;
  } catch (const tally::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
