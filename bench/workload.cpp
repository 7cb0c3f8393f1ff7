// SPDX-License-Identifier: BSD-3-Clause
#include "bench/workload.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <type_traits>

namespace tally::bench {
namespace {

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) as a hash: any element's input is computed without the others'.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

template <typename T>
T input_element(Pattern pattern, std::uint64_t seed, unsigned round, unsigned rank, std::uint64_t index) {
  const auto bits = mix(mix(mix(seed) + round) + (std::uint64_t{rank} << 40) + index);
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(bits);
  } else {
    if (pattern == Pattern::kExact) return static_cast<T>(static_cast<int>(bits % 8001) - 4000) / T{4};
    const auto fraction = static_cast<T>(static_cast<double>(bits >> 11) * 0x1p-52 - 1.0);
    return std::ldexp(fraction, static_cast<int>(bits & 15) - 8);
  }
}

template <typename T>
T combine(T a, T b, tally_op op) {
  if (op == TALLY_MIN) return std::min(a, b);
  if (op == TALLY_MAX) return std::max(a, b);
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    return a + b;
  }
}

template <typename T>
void fill(std::span<std::byte> input, Pattern pattern, std::uint64_t seed, unsigned round, unsigned rank) {
  for (std::uint64_t i = 0; i < input.size() / sizeof(T); ++i) {
    const T value = input_element<T>(pattern, seed, round, rank, i);
    std::memcpy(input.data() + i * sizeof(T), &value, sizeof(T));
  }
}

template <typename T>
std::string check(std::span<const std::byte> output, tally_op op, Pattern pattern, std::uint64_t seed, unsigned round,
                  unsigned ranks, unsigned rank) {
  for (std::uint64_t i = 0; i < output.size() / sizeof(T); ++i) {
    T got;
    std::memcpy(&got, output.data() + i * sizeof(T), sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      if (pattern == Pattern::kRandom && op == TALLY_SUM) {
        long double sum = 0;
        long double magnitude = 0;
        for (unsigned r = 0; r < ranks; ++r) {
          const auto value = static_cast<long double>(input_element<T>(pattern, seed, round, r, i));
          sum += value;
          magnitude += std::fabs(value);
        }
        // Each of ranks - 1 additions errs by at most half an ulp of a partial sum, which the magnitude bounds
        // (Higham, Accuracy and Stability of Numerical Algorithms, 4.2); doubled for second-order terms.
        const auto bound = static_cast<long double>(ranks) * magnitude *
                           static_cast<long double>(std::numeric_limits<T>::epsilon());
        const auto error = std::fabs(static_cast<long double>(got) - sum);
        if (!(error <= bound)) {
          return fmt::format("rank {}, element {}: got {}, the sum is {} and the error bound {}", rank, i, got,
                             static_cast<double>(sum), static_cast<double>(bound));
        }
        continue;
      }
    }
    T expected = input_element<T>(pattern, seed, round, 0, i);
    for (unsigned r = 1; r < ranks; ++r) {
      expected = combine(expected, input_element<T>(pattern, seed, round, r, i), op);
    }
    if (!(got == expected)) {
      return fmt::format("rank {}, element {}: got {}, expected {}", rank, i, got, expected);
    }
  }
  return {};
}

}  // namespace

void fill_input(std::span<std::byte> input, tally_dtype dtype, Pattern pattern, std::uint64_t seed, unsigned round,
                unsigned rank) {
  switch (dtype) {
    case TALLY_I32:
      return fill<std::int32_t>(input, pattern, seed, round, rank);
    case TALLY_I64:
      return fill<std::int64_t>(input, pattern, seed, round, rank);
    case TALLY_F32:
      return fill<float>(input, pattern, seed, round, rank);
    default:
      return fill<double>(input, pattern, seed, round, rank);
  }
}

void poison(std::span<std::byte> output) {
  std::fill(output.begin(), output.end(), std::byte{0xff});  // NaN as a float, -1 as an integer
}

std::string check_result(std::span<const std::byte> output, tally_dtype dtype, tally_op op, Pattern pattern,
                         std::uint64_t seed, unsigned round, unsigned ranks, unsigned rank) {
  switch (dtype) {
    case TALLY_I32:
      return check<std::int32_t>(output, op, pattern, seed, round, ranks, rank);
    case TALLY_I64:
      return check<std::int64_t>(output, op, pattern, seed, round, ranks, rank);
    case TALLY_F32:
      return check<float>(output, op, pattern, seed, round, ranks, rank);
    default:
      return check<double>(output, op, pattern, seed, round, ranks, rank);
  }
}

}  // namespace tally::bench
