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

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
inline constexpr Bits<T> kNan = sizeof(T) == 4 ? Bits<T>{0x7fc00000u}
                                               : static_cast<Bits<T>>(0x7ff8000000000000u);
template <class T>
inline constexpr Bits<T> kInf = sizeof(T) == 4 ? Bits<T>{0x7f800000u}
                                               : static_cast<Bits<T>>(0x7ff0000000000000u);

/// All ones if the top bit is set, else zero.
template <class B>
constexpr B sign_mask(B x) noexcept {
  return static_cast<B>(0) - (x >> (sizeof(B) * 8 - 1));
}

/// a + b on bits.
template <class T>
constexpr Bits<T> sum(Bits<T> a, Bits<T> b) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    const T r = __builtin_bit_cast(T, a) + __builtin_bit_cast(T, b);
    return r != r ? kNan<T> : __builtin_bit_cast(Bits<T>, r);
  } else {
    return a + b;  // unsigned: wraps
  }
}

/// Signed integer of the same order as x. Floating point: inverting the magnitude of negative numbers makes
/// the order that of two's complement, with -0 (then -1) below +0.
template <class T>
constexpr std::make_signed_t<Bits<T>> key(Bits<T> x) noexcept {
  if constexpr (std::is_floating_point_v<T>) x ^= sign_mask(x) >> 1;
  return static_cast<std::make_signed_t<Bits<T>>>(x);
}

template <class T>
constexpr bool is_nan(Bits<T> x) noexcept {
  // Without the sign, and as signed numbers: vector units compare those.
  using Signed = std::make_signed_t<Bits<T>>;
  return static_cast<Signed>(x & (static_cast<Bits<T>>(~Bits<T>{0}) >> 1)) > static_cast<Signed>(kInf<T>);
}

/// The lesser (or greater) of a and b on bits.
template <class T, bool kGreater>
constexpr Bits<T> extreme(Bits<T> a, Bits<T> b) noexcept {
  const bool take_b = kGreater ? key<T>(b) > key<T>(a) : key<T>(b) < key<T>(a);
  Bits<T> r = take_b ? b : a;
  if constexpr (std::is_floating_point_v<T>) {
    r = is_nan<T>(a) ? kNan<T> : r;
    r = is_nan<T>(b) ? kNan<T> : r;
  }
  return r;
}

template <class T, Bits<T> (*kOperation)(Bits<T>, Bits<T>) noexcept>
void loop(void* dst, const void* a, const void* b, std::size_t elements) noexcept {
  // Elements stand at any address, in memory of any type: hence memcpy, which becomes an unaligned access.
  auto* d = static_cast<unsigned char*>(dst);
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  TALLY_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < elements; ++i) {
    Bits<T> va;
    Bits<T> vb;
    __builtin_memcpy(&va, x + i * sizeof(T), sizeof(T));
    __builtin_memcpy(&vb, y + i * sizeof(T), sizeof(T));
    const Bits<T> r = kOperation(va, vb);
    __builtin_memcpy(d + i * sizeof(T), &r, sizeof(T));
  }
}

template <class T>
constexpr KernelRow make_row() noexcept {
  return {loop<T, sum<T>>, loop<T, extreme<T, false>>, loop<T, extreme<T, true>>};
}

constexpr KernelTable make_table(const char* name) noexcept {
  return {make_row<std::int32_t>(), make_row<std::int64_t>(), make_row<float>(), make_row<double>(), name};
}

}  // namespace
}  // namespace tally::numerics
