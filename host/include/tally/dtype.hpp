// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: the element types, their sizes and their C++ types. Include tally.hpp.
#ifndef TALLY_DTYPE_HPP
#define TALLY_DTYPE_HPP

#include <complex>
#include <cstddef>
#include <type_traits>

#include "tally/tally.h"

namespace tally {

namespace detail {
/// Integers of the language; characters and bool have no reductions.
template <typename T>
concept Integer = std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
                  !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                  !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8;
}  // namespace detail

/// The tally_dtype of a C++ type: integers, float, double and std::complex of them. Everything else is bytes,
/// which move but are not reduced. Types that C++ has no name for (TALLY_F16, TALLY_F64_I32, ...) are given
/// as an argument.
template <typename T>
[[nodiscard]] constexpr tally_dtype dtype_of() noexcept {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) {
    return TALLY_F32;
  } else if constexpr (std::is_same_v<U, double>) {
    return TALLY_F64;
  } else if constexpr (std::is_same_v<U, std::complex<float>>) {
    return TALLY_C64;
  } else if constexpr (std::is_same_v<U, std::complex<double>>) {
    return TALLY_C128;
  } else if constexpr (detail::Integer<U>) {
    constexpr bool is_signed = std::is_signed_v<U>;
    return sizeof(U) == 1   ? (is_signed ? TALLY_I8 : TALLY_U8)
           : sizeof(U) == 2 ? (is_signed ? TALLY_I16 : TALLY_U16)
           : sizeof(U) == 4 ? (is_signed ? TALLY_I32 : TALLY_U32)
                            : (is_signed ? TALLY_I64 : TALLY_U64);
  } else {
    return TALLY_BYTE;
  }
}

/// Bytes of an element; 0 for a type that does not exist.
[[nodiscard]] constexpr std::size_t size_of(tally_dtype dtype) noexcept {
  switch (dtype) {
    case TALLY_BYTE:
    case TALLY_I8:
    case TALLY_U8:
      return 1;
    case TALLY_I16:
    case TALLY_U16:
    case TALLY_F16:
    case TALLY_BF16:
      return 2;
    case TALLY_I32:
    case TALLY_U32:
    case TALLY_F32:
      return 4;
    case TALLY_I64:
    case TALLY_U64:
    case TALLY_F64:
    case TALLY_C64:
    case TALLY_F32_I32:
    case TALLY_I32_I32:
    case TALLY_I16_I32:
      return 8;
    case TALLY_C128:
    case TALLY_F64_I32:
    case TALLY_I64_I32:
      return 16;
    case TALLY_DTYPE_OWN:
    case TALLY_DTYPE_LAST:
      break;
  }
  return 0;
}

/// Types that reductions take without a word on their dtype.
template <typename T>
concept Reducible = (dtype_of<T>() != TALLY_BYTE);

}  // namespace tally

#endif  // TALLY_DTYPE_HPP
