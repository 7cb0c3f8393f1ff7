// SPDX-License-Identifier: BSD-3-Clause
#include "bench/workload.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
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

/// A 16-bit float: its bits, and the number that they are. Only normal numbers and zero occur here.
template <int kExponentBits>
struct Short {
  static constexpr int kFraction = 15 - kExponentBits;
  static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  std::uint16_t bits = 0;
  Short() = default;
  explicit Short(double number) {
    if (number == 0) return;
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(number), &exponent);  // 0.5 to 1
    bits = static_cast<std::uint16_t>((number < 0 ? 0x8000 : 0) + ((exponent - 1 + kBias) << kFraction) +
                                      static_cast<int>(std::ldexp(fraction, kFraction + 1)) - (1 << kFraction));
  }
  [[nodiscard]] double number() const {
    const int exponent = bits >> kFraction & ((1 << kExponentBits) - 1);
    if (exponent == 0) return 0;
    const double size = std::ldexp((1 << kFraction) + (bits & ((1 << kFraction) - 1)), exponent - kBias - kFraction);
    return (bits & 0x8000) != 0 ? -size : size;
  }
};
using Half = Short<5>;
using Bfloat = Short<8>;

/// A value with an index, as C lays it out.
template <typename T>
struct Located {
  T value{};
  std::int32_t index = 0;
};

template <typename T>
constexpr bool kIsShort = std::is_same_v<T, Half> || std::is_same_v<T, Bfloat>;
template <typename T>
constexpr bool kIsComplex = std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>;

/// Small whole numbers, whose sums of 16 are exact in 8 bits; for products powers of two, hardly ever others than 1.
double small(tally_op op, std::uint64_t bits) {
  if (op == TALLY_PROD) return (bits & 63) == 0 ? 2 : (bits & 64) != 0 ? -1 : 1;
  return static_cast<double>(static_cast<int>(bits % 15) - 7);
}

template <typename T>
T input_element(tally_op op, Pattern pattern, std::uint64_t seed, unsigned round, unsigned rank, std::uint64_t index) {
  const auto bits = mix(mix(mix(seed) + round) + (std::uint64_t{rank} << 40) + index);
  if constexpr (std::is_integral_v<T>) {
    const bool logical = op == TALLY_LAND || op == TALLY_LOR || op == TALLY_LXOR;
    return logical && bits % 3 == 0 ? T{0} : static_cast<T>(bits);
  } else if constexpr (kIsShort<T>) {
    return T(small(op, bits));
  } else if constexpr (kIsComplex<T>) {
    using Part = typename T::value_type;
    if (op == TALLY_PROD) return bits % 2 == 0 ? T(static_cast<Part>(small(op, bits)), 0) : T(0, bits % 4 == 1 ? 1 : -1);
    return T(static_cast<Part>(small(op, bits)), static_cast<Part>(small(op, bits >> 32)));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (op == TALLY_PROD) return static_cast<T>(small(op, bits));
    if (pattern == Pattern::kExact) return static_cast<T>(static_cast<int>(bits % 8001) - 4000) / T{4};
    const auto fraction = static_cast<T>(static_cast<double>(bits >> 11) * 0x1p-52 - 1.0);
    return std::ldexp(fraction, static_cast<int>(bits & 15) - 8);
  } else {  // values that are often equal
    T located;
    located.value = static_cast<decltype(located.value)>(static_cast<int>(bits % 7) - 3);
    located.index = static_cast<std::int32_t>(bits >> 32);
    return located;
  }
}

template <typename T>
T combine(T a, T b, tally_op op) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    const auto x = static_cast<std::uint64_t>(static_cast<U>(a));
    const auto y = static_cast<std::uint64_t>(static_cast<U>(b));
    switch (op) {
      case TALLY_PROD: return static_cast<T>(x * y);
      case TALLY_MIN: return std::min(a, b);
      case TALLY_MAX: return std::max(a, b);
      case TALLY_LAND: return static_cast<T>(x != 0 && y != 0);
      case TALLY_LOR: return static_cast<T>(x != 0 || y != 0);
      case TALLY_LXOR: return static_cast<T>((x != 0) != (y != 0));
      case TALLY_BAND: return static_cast<T>(x & y);
      case TALLY_BOR: return static_cast<T>(x | y);
      case TALLY_BXOR: return static_cast<T>(x ^ y);
      default: return static_cast<T>(x + y);
    }
  } else if constexpr (kIsShort<T>) {
    return T(combine(a.number(), b.number(), op));
  } else if constexpr (kIsComplex<T>) {
    if (op == TALLY_PROD)
      return T(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
    return a + b;
  } else if constexpr (std::is_floating_point_v<T>) {
    return op == TALLY_MIN ? std::min(a, b) : op == TALLY_MAX ? std::max(a, b) : op == TALLY_PROD ? a * b : a + b;
  } else {
    if (a.value == b.value) return a.index < b.index ? a : b;
    return (a.value < b.value) == (op == TALLY_MINLOC) ? a : b;
  }
}

template <typename T>
bool equal(const T& a, const T& b) {
  if constexpr (kIsShort<T>) {
    return a.bits == b.bits;
  } else if constexpr (std::is_arithmetic_v<T> || kIsComplex<T>) {
    return a == b;
  } else {
    return a.value == b.value && a.index == b.index;
  }
}

template <typename T>
std::string text(const T& value) {
  if constexpr (kIsShort<T>) {
    return fmt::format("{} (bits {:#06x})", value.number(), value.bits);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return fmt::format("{}", +value);
  } else if constexpr (kIsComplex<T>) {
    return fmt::format("{} + {}i", value.real(), value.imag());
  } else {
    return fmt::format("{} at {}", value.value, value.index);
  }
}

template <typename T>
void fill(std::span<std::byte> input, tally_op op, Pattern pattern, std::uint64_t seed, unsigned round, unsigned rank) {
  for (std::uint64_t i = 0; i < input.size() / sizeof(T); ++i) {
    const T value = input_element<T>(op, pattern, seed, round, rank, i);
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
          const auto value = static_cast<long double>(input_element<T>(op, pattern, seed, round, r, i));
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
    T expected = input_element<T>(op, pattern, seed, round, 0, i);
    for (unsigned r = 1; r < ranks; ++r) {
      expected = combine(expected, input_element<T>(op, pattern, seed, round, r, i), op);
    }
    if (!equal(got, expected))
      return fmt::format("rank {}, element {}: got {}, expected {}", rank, i, text(got), text(expected));
  }
  return {};
}

/// visit(T{}) with the type of the elements.
template <typename Visit>
auto with_type(tally_dtype dtype, Visit visit) {
  switch (dtype) {
    case TALLY_I8: return visit(std::int8_t{});
    case TALLY_I16: return visit(std::int16_t{});
    case TALLY_I32: return visit(std::int32_t{});
    case TALLY_I64: return visit(std::int64_t{});
    case TALLY_U16: return visit(std::uint16_t{});
    case TALLY_U32: return visit(std::uint32_t{});
    case TALLY_U64: return visit(std::uint64_t{});
    case TALLY_F16: return visit(Half{});
    case TALLY_BF16: return visit(Bfloat{});
    case TALLY_F32: return visit(float{});
    case TALLY_F64: return visit(double{});
    case TALLY_C64: return visit(std::complex<float>{});
    case TALLY_C128: return visit(std::complex<double>{});
    case TALLY_F32_I32: return visit(Located<float>{});
    case TALLY_F64_I32: return visit(Located<double>{});
    case TALLY_I64_I32: return visit(Located<std::int64_t>{});
    case TALLY_I32_I32: return visit(Located<std::int32_t>{});
    case TALLY_I16_I32: return visit(Located<std::int16_t>{});
    case TALLY_BYTE:
    case TALLY_U8:
    default: break;
  }
  return visit(std::uint8_t{});
}

}  // namespace

void fill_input(std::span<std::byte> input, tally_dtype dtype, tally_op op, Pattern pattern, std::uint64_t seed,
                unsigned round, unsigned rank) {
  with_type(dtype, [&](auto type) { fill<decltype(type)>(input, op, pattern, seed, round, rank); });
}

void poison(std::span<std::byte> output) {
  std::fill(output.begin(), output.end(), std::byte{0xff});  // NaN as a float, -1 as an integer
}

std::string check_result(std::span<const std::byte> output, tally_dtype dtype, tally_op op, Pattern pattern,
                         std::uint64_t seed, unsigned round, unsigned ranks, unsigned rank) {
  return with_type(
      dtype, [&](auto type) { return check<decltype(type)>(output, op, pattern, seed, round, ranks, rank); });
}

}  // namespace tally::bench
