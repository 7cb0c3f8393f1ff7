// SPDX-License-Identifier: BSD-3-Clause
// A plain interpreter of schedules: all ranks in one process, packet by packet, in a random interleaving. It
// shares no code with the engines or the verifier.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"

namespace tally::test {

struct InterpreterOptions {
  std::size_t packet = 4;    ///< elements of one packet
  std::size_t capacity = 1;  ///< packets of each flow
  bool in_place = false;
};

/// Runs `s` on `inputs` (one vector a rank, equal lengths). Returns the outputs; on deadlock returns nothing
/// and sets *error. `combine` is the operation.
template <typename T>
std::vector<std::vector<T>> interpret(const schedule::Schedule& s, const std::vector<std::vector<T>>& inputs,
                                      const std::function<T(T, T)>& combine,
                                      const InterpreterOptions& options, std::mt19937_64& random,
                                      std::string* error);

extern template std::vector<std::vector<std::uint64_t>> interpret(
    const schedule::Schedule&, const std::vector<std::vector<std::uint64_t>>&,
    const std::function<std::uint64_t(std::uint64_t, std::uint64_t)>&, const InterpreterOptions&,
    std::mt19937_64&, std::string*);
extern template std::vector<std::vector<double>> interpret(const schedule::Schedule&,
                                                           const std::vector<std::vector<double>>&,
                                                           const std::function<double(double, double)>&,
                                                           const InterpreterOptions&, std::mt19937_64&,
                                                           std::string*);

}  // namespace tally::test
