// SPDX-License-Identifier: BSD-3-Clause
// Coverage of Verilated models, in builds with TALLY_COVERAGE.
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

#ifdef TALLY_COVERAGE
/// A name that no other model of this process, of whatever class, gives to its file.
inline std::string coverage_file() {
  static std::atomic<unsigned> count{0};
  return std::to_string(getpid()) + "-" + std::to_string(count++) + ".dat";
}
#endif

/// Ends a model: final(), and in builds that count coverage a file of its counts in the folder TALLY_COVERAGE_DIR. Call it
/// while the model lives; `context` is its own.
template <class Model>
void finish(Model& model, [[maybe_unused]] VerilatedContext& context) {
  model.final();
#ifdef TALLY_COVERAGE
  const char* folder = std::getenv("TALLY_COVERAGE_DIR");
  if (folder == nullptr) return;
  context.coveragep()->write((std::string(folder) + "/" + coverage_file()).c_str());
#endif
}

}  // namespace tally::test
