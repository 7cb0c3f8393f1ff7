// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tally/tally.h"

namespace tally::bench {

inline constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;
inline constexpr unsigned kMaxRepeats = 10000;
inline constexpr unsigned kMaxSkewNs = 1000000;
/// Collectives that a simulated device executes at once.
inline constexpr unsigned kMaxConcurrent = 8;

/// Bytes of one slot of a device's operand window.
inline constexpr unsigned kMostPushed = 4096;

/// What a benchmark of allreduce runs; checked.
struct Options {
  std::string engine;
  unsigned ranks = 4;
  std::vector<std::uint64_t> sizes;  ///< bytes
  unsigned repeats = 5;
  unsigned concurrent = 1;  ///< allreduces of this size at once, each in a context of its own (engine rtl)
  tally_dtype dtype = TALLY_F32;
  std::string dtype_name = "f32";
  tally_op op = TALLY_SUM;
  std::string op_name = "sum";
  std::string algorithm = "auto";
  std::string config;       ///< fabric parameters, or empty
  unsigned push_max = kMostPushed;  ///< longest input that a host stores into its device with the doorbell, bytes
  unsigned skew_ns = 0;     ///< each rank posts up to this much later
  std::uint64_t seed = 1;   ///< of skews and random inputs
};

/// Bytes of "64", "4K", "1M". False when it is no size of 1 byte to kMaxBytes.
[[nodiscard]] bool parse_size(const std::string& text, std::uint64_t* bytes);

/// "8:64K" (powers of two between the bounds), "8,64,1K" or "64K". False and a sentence in *error.
[[nodiscard]] bool parse_sizes(const std::string& text, std::vector<std::uint64_t>* sizes, std::string* error);

[[nodiscard]] bool parse_dtype(const std::string& text, tally_dtype* dtype);
[[nodiscard]] bool parse_op(const std::string& text, tally_op* op);
/// All of them, for a person.
[[nodiscard]] std::string dtype_list();
[[nodiscard]] std::string op_list();

}  // namespace tally::bench
