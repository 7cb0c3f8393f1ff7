// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <tally/tally.hpp>

#include <vector>

int main() {
  try {
    tally::Endpoint endpoint;
    std::vector<int> values{1, 2, 3};
    {
      const tally::Memory memory = endpoint.register_memory(std::span(values));
      endpoint.all().allreduce(std::span(values), TALLY_MAX);
    }
    endpoint.close();
    return values[2] == 3 ? 0 : 1;
  } catch (const tally::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
