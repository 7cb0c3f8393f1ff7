// SPDX-License-Identifier: BSD-3-Clause
// Line coverage of Verilated models, in builds with TALLY_COVERAGE.
#pragma once

#include <verilated.h>
#ifdef TALLY_COVERAGE
#include <verilated_cov.h>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#endif

namespace tally::test {

/// Ends a model: final(), and in builds that count coverage a file of its counts in the folder TALLY_COVERAGE_DIR. Call it
/// while the model lives; `context` is its own.
template <class Model>
void finish(Model& model, [[maybe_unused]] VerilatedContext& context) {
  model.final();
#ifdef TALLY_COVERAGE
  static std::atomic<unsigned> count{0};
  const char* folder = std::getenv("TALLY_COVERAGE_DIR");
  if (folder == nullptr) return;
  const std::string file =
      std::string(folder) + "/" + std::to_string(getpid()) + "-" + std::to_string(count++) + ".dat";
  context.coveragep()->write(file.c_str());
#endif
}

}  // namespace tally::test
