// SPDX-License-Identifier: BSD-3-Clause
// The reduction loops, written for the compiler's vectoriser. Everything here has internal linkage: each
// including file compiles it for an instruction set of its own, and the linker must not take one file's copy
// for another's. For the same reason nothing of the standard library but types is used: its inline functions
// have one copy in the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/numerics/kernels.hpp"

// dst may be a or b: iteration i touches element i alone, so no iteration depends on another one.
#if defined(__clang__)
#define TALLY_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TALLY_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#else
#define TALLY_INDEPENDENT_ITERATIONS
#endif

namespace tally::numerics {
namespace {

// --- element types ---------------------------------------------------------------------------------------
//
// A type T of elements has: Bits, what a loop loads and stores; kNan, kInf where it is floating point.

template <class T>
struct Integer {
  using Value = T;
  using Bits = std::make_unsigned_t<T>;
  static constexpr bool kFloat = false;
};

struct F32 {
  using Bits = std::uint32_t;
  static constexpr bool kFloat = true;
  static constexpr Bits kNan = 0x7fc00000u;
  static constexpr Bits kInf = 0x7f800000u;
};

struct F64 {
  using Bits = std::uint64_t;
  static constexpr bool kFloat = true;
  static constexpr Bits kNan = 0x7ff8000000000000u;
  static constexpr Bits kInf = 0x7ff0000000000000u;
};

struct F16 {
  using Bits = std::uint16_t;
  static constexpr bool kFloat = true;
  static constexpr Bits kNan = 0x7e00u;
  static constexpr Bits kInf = 0x7c00u;
};

struct Bf16 {
  using Bits = std::uint16_t;
  static constexpr bool kFloat = true;
  static constexpr Bits kNan = 0x7fc0u;
  static constexpr Bits kInf = 0x7f80u;
};

// --- arithmetic ------------------------------------------------------------------------------------------
//
// The 16-bit formats calculate in binary32 and round its result once more. That is the result rounded once:
//  * A sum or product of two p-bit numbers, rounded to at least 2p + 2 bits and then to p bits, is correctly
//    rounded (S. A. Figueroa, "When is double rounding innocuous?", 1995): 24 >= 2 * 11 + 2 and 2 * 8 + 2.
//  * That takes the middle format to be as precise everywhere. f16 has no number near the subnormals of
//    binary32. Sums of bf16 are multiples of its least subnormal, 2^-133: below binary32's normal numbers
//    they are exact. A product of bf16 has 16 bits: at 2^-134 or above the last is 2^-149 or above, and
//    binary32 is exact; below, rounding to binary32 gives 2^-134 at most, half the least subnormal, and a tie
//    to zero.

constexpr float to_float(F32, std::uint32_t x) noexcept { return __builtin_bit_cast(float, x); }
constexpr double to_float(F64, std::uint64_t x) noexcept { return __builtin_bit_cast(double, x); }
constexpr float to_float(Bf16, std::uint16_t x) noexcept {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x) << 16);
}
constexpr float to_float(F16, std::uint16_t x) noexcept {
  const std::uint32_t magnitude = x & 0x7fffu;
  const std::uint32_t sign = static_cast<std::uint32_t>(x & 0x8000u) << 16;
  // Normal numbers: exponent bias 127 in place of 15; infinities and NaNs: exponent 255 in place of 31.
  const std::uint32_t rebias = magnitude >= F16::kInf ? 224u << 23 : 112u << 23;
  const std::uint32_t normal = (magnitude << 13) + rebias;
  // Subnormal numbers count in units of 2^-24.
  const float low = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f;
  const std::uint32_t bits = magnitude < 0x400u ? __builtin_bit_cast(std::uint32_t, low) : normal;
  return __builtin_bit_cast(float, bits | sign);
}

// Rounds to the type; NaNs become the canonical one.
constexpr std::uint32_t from_float(F32, float x) noexcept {
  return x != x ? F32::kNan : __builtin_bit_cast(std::uint32_t, x);
}
constexpr std::uint64_t from_float(F64, double x) noexcept {
  return x != x ? F64::kNan : __builtin_bit_cast(std::uint64_t, x);
}
constexpr std::uint16_t from_float(Bf16, float x) noexcept {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return static_cast<std::uint16_t>(x != x ? Bf16::kNan : rounded);
}
constexpr std::uint16_t from_float(F16, float x) noexcept {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  // Normal results, in 13 bits less; what is above the greatest becomes an infinity.
  std::uint32_t normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  normal = magnitude >= 0x477ff000u ? F16::kInf : normal;  // 65520
  // Subnormal ones: 0.5 has its last place at 2^-24, and the adder rounds to it.
  const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
  const std::uint32_t low = __builtin_bit_cast(std::uint32_t, shifted) - 0x3f000000u;
  const std::uint32_t rounded = magnitude < 0x38800000u ? low : normal;  // 2^-14
  return static_cast<std::uint16_t>(x != x ? F16::kNan : rounded | sign);
}

template <class T>
struct Sum {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    if constexpr (T::kFloat) {
      return from_float(T{}, to_float(T{}, a) + to_float(T{}, b));
    } else {
      return static_cast<typename T::Bits>(a + b);  // unsigned: wraps
    }
  }
};

template <class T>
struct Prod {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    if constexpr (T::kFloat) {
      return from_float(T{}, to_float(T{}, a) * to_float(T{}, b));
    } else if constexpr (sizeof(a) < 4) {
      // Not in int, which a product of two uint16_t may leave.
      return static_cast<typename T::Bits>(std::uint32_t{a} * std::uint32_t{b});
    } else {
      return a * b;
    }
  }
};

// --- order -----------------------------------------------------------------------------------------------

/// Integer of the same order as x. Floating point: inverting the magnitude of negative numbers makes the
/// order that of two's complement, with -0 (then -1) below +0.
template <class T>
constexpr auto key(typename T::Bits x) noexcept {
  using Bits = typename T::Bits;
  if constexpr (T::kFloat) {
    using Signed = std::make_signed_t<Bits>;
    const auto flip =
        static_cast<Bits>(static_cast<Bits>(static_cast<Bits>(0) - (x >> (sizeof(x) * 8 - 1))) >> 1);
    return static_cast<Signed>(static_cast<Bits>(x ^ flip));
  } else {
    return static_cast<typename T::Value>(x);
  }
}

template <class T>
constexpr bool is_nan(typename T::Bits x) noexcept {
  if constexpr (T::kFloat) {
    // Without the sign, and as signed numbers: vector units compare those.
    using Signed = std::make_signed_t<typename T::Bits>;
    constexpr auto kMagnitude = static_cast<typename T::Bits>(static_cast<typename T::Bits>(~0ull) >> 1);
    return static_cast<Signed>(x & kMagnitude) > static_cast<Signed>(T::kInf);
  } else {
    return false;
  }
}

template <class T, bool kGreater>
struct Extreme {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    const bool take_b = kGreater ? key<T>(b) > key<T>(a) : key<T>(b) < key<T>(a);
    typename T::Bits r = take_b ? b : a;
    if constexpr (T::kFloat) {
      r = is_nan<T>(a) ? T::kNan : r;
      r = is_nan<T>(b) ? T::kNan : r;
    }
    return r;
  }
};

template <class T>
using Min = Extreme<T, false>;
template <class T>
using Max = Extreme<T, true>;

// --- logic -----------------------------------------------------------------------------------------------

template <class T>
struct Land {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    return static_cast<typename T::Bits>((a != 0) & (b != 0));
  }
};
template <class T>
struct Lor {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    return static_cast<typename T::Bits>((a | b) != 0);
  }
};
template <class T>
struct Lxor {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    return static_cast<typename T::Bits>((a != 0) != (b != 0));
  }
};
template <class T>
struct Band {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    return static_cast<typename T::Bits>(a & b);
  }
};
template <class T>
struct Bor {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    return static_cast<typename T::Bits>(a | b);
  }
};
template <class T>
struct Bxor {
  static constexpr typename T::Bits of(typename T::Bits a, typename T::Bits b) noexcept {
    return static_cast<typename T::Bits>(a ^ b);
  }
};

// --- loops -----------------------------------------------------------------------------------------------

// Elements stand at any address, in memory of any type: hence memcpy, which becomes an unaligned access.
template <class B>
B load(const void* from, std::size_t byte) noexcept {
  B x;
  __builtin_memcpy(&x, static_cast<const unsigned char*>(from) + byte, sizeof x);
  return x;
}
template <class B>
void store(void* to, std::size_t byte, B x) noexcept {
  __builtin_memcpy(static_cast<unsigned char*>(to) + byte, &x, sizeof x);
}

template <class T, template <class> class Operation>
void loop(void* dst, const void* a, const void* b, std::size_t elements) noexcept {
  using Bits = typename T::Bits;
  TALLY_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < elements; ++i) {
    store(dst, i * sizeof(Bits),
          Operation<T>::of(load<Bits>(a, i * sizeof(Bits)), load<Bits>(b, i * sizeof(Bits))));
  }
}

/// Complex sum: that of twice as many components.
template <class T>
void complex_sum(void* dst, const void* a, const void* b, std::size_t elements) noexcept {
  loop<T, Sum>(dst, a, b, 2 * elements);
}

/// Six operations, each rounded by itself: this file is compiled without contraction.
template <class T>
void complex_prod(void* dst, const void* a, const void* b, std::size_t elements) noexcept {
  using Bits = typename T::Bits;
  TALLY_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < elements; ++i) {
    const std::size_t re = 2 * i * sizeof(Bits);
    const std::size_t im = re + sizeof(Bits);
    const auto ar = to_float(T{}, load<Bits>(a, re));
    const auto ai = to_float(T{}, load<Bits>(a, im));
    const auto br = to_float(T{}, load<Bits>(b, re));
    const auto bi = to_float(T{}, load<Bits>(b, im));
    store(dst, re, from_float(T{}, ar * br - ai * bi));
    store(dst, im, from_float(T{}, ar * bi + ai * br));
  }
}

/// minloc and maxloc: a value of type T at byte 0, an index at the middle of `kBytes`, the rest padding,
/// which is written as zero.
template <class T, std::size_t kBytes, bool kGreater>
void loc(void* dst, const void* a, const void* b, std::size_t elements) noexcept {
  using Bits = typename T::Bits;
  constexpr std::size_t kIndex = kBytes / 2;
  TALLY_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < elements; ++i) {
    const auto va = load<Bits>(a, i * kBytes);
    const auto vb = load<Bits>(b, i * kBytes);
    const auto ia = load<std::int32_t>(a, i * kBytes + kIndex);
    const auto ib = load<std::int32_t>(b, i * kBytes + kIndex);
    const bool a_nan = is_nan<T>(va);
    const bool b_nan = is_nan<T>(vb);
    // Without branches, for the vectoriser. One NaN wins; two tie.
    const bool nan = a_nan | b_nan;
    const bool numbers = !nan;
    const bool beyond = kGreater ? key<T>(vb) > key<T>(va) : key<T>(vb) < key<T>(va);
    const bool tie = (a_nan & b_nan) | (numbers & (va == vb));
    const bool take_b = tie ? ib < ia : b_nan | (numbers & beyond);
    Bits value = take_b ? vb : va;
    if constexpr (T::kFloat) value = nan ? T::kNan : value;
    // The words of the result, padding included.
    store(dst, i * kBytes,
          static_cast<std::conditional_t<kBytes == 16, std::uint64_t, std::uint32_t>>(value));
    const auto index = static_cast<std::uint32_t>(take_b ? ib : ia);
    store(dst, i * kBytes + kIndex,
          static_cast<std::conditional_t<kBytes == 16, std::uint64_t, std::uint32_t>>(index));
  }
}

// --- table -----------------------------------------------------------------------------------------------

template <class T>
constexpr void put_order(KernelTable& table, tally_dtype dtype) noexcept {
  Kernel* row = table.kernels[dtype];
  row[TALLY_SUM] = loop<T, Sum>;
  row[TALLY_PROD] = loop<T, Prod>;
  row[TALLY_MIN] = loop<T, Min>;
  row[TALLY_MAX] = loop<T, Max>;
}

constexpr void put_bytes(KernelTable& table) noexcept {
  Kernel* row = table.kernels[TALLY_BYTE];
  row[TALLY_BAND] = loop<Integer<std::uint8_t>, Band>;
  row[TALLY_BOR] = loop<Integer<std::uint8_t>, Bor>;
  row[TALLY_BXOR] = loop<Integer<std::uint8_t>, Bxor>;
}

template <class V>
constexpr void put_integer(KernelTable& table, tally_dtype dtype) noexcept {
  using T = Integer<V>;
  put_order<T>(table, dtype);
  Kernel* row = table.kernels[dtype];
  row[TALLY_LAND] = loop<T, Land>;
  row[TALLY_LOR] = loop<T, Lor>;
  row[TALLY_LXOR] = loop<T, Lxor>;
  row[TALLY_BAND] = loop<T, Band>;
  row[TALLY_BOR] = loop<T, Bor>;
  row[TALLY_BXOR] = loop<T, Bxor>;
}

template <class T>
constexpr void put_complex(KernelTable& table, tally_dtype dtype) noexcept {
  table.kernels[dtype][TALLY_SUM] = complex_sum<T>;
  table.kernels[dtype][TALLY_PROD] = complex_prod<T>;
}

template <class T, std::size_t kBytes>
constexpr void put_pair(KernelTable& table, tally_dtype dtype) noexcept {
  table.kernels[dtype][TALLY_MINLOC] = loc<T, kBytes, false>;
  table.kernels[dtype][TALLY_MAXLOC] = loc<T, kBytes, true>;
}

constexpr KernelTable make_table(const char* name) noexcept {
  KernelTable table{};
  table.name = name;
  put_bytes(table);
  put_integer<std::int8_t>(table, TALLY_I8);
  put_integer<std::int16_t>(table, TALLY_I16);
  put_integer<std::int32_t>(table, TALLY_I32);
  put_integer<std::int64_t>(table, TALLY_I64);
  put_integer<std::uint8_t>(table, TALLY_U8);
  put_integer<std::uint16_t>(table, TALLY_U16);
  put_integer<std::uint32_t>(table, TALLY_U32);
  put_integer<std::uint64_t>(table, TALLY_U64);
  put_order<F16>(table, TALLY_F16);
  put_order<Bf16>(table, TALLY_BF16);
  put_order<F32>(table, TALLY_F32);
  put_order<F64>(table, TALLY_F64);
  put_complex<F32>(table, TALLY_C64);
  put_complex<F64>(table, TALLY_C128);
  put_pair<F32, 8>(table, TALLY_F32_I32);
  put_pair<F64, 16>(table, TALLY_F64_I32);
  put_pair<Integer<std::int64_t>, 16>(table, TALLY_I64_I32);
  put_pair<Integer<std::int32_t>, 8>(table, TALLY_I32_I32);
  put_pair<Integer<std::int16_t>, 8>(table, TALLY_I16_I32);
  return table;
}

}  // namespace
}  // namespace tally::numerics
