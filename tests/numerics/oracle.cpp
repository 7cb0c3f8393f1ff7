// SPDX-License-Identifier: BSD-3-Clause
#include "numerics/oracle.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

namespace tally::test {
namespace {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

template <class T>
T load(const void* from, std::size_t byte) {
  T x;
  std::memcpy(&x, static_cast<const unsigned char*>(from) + byte, sizeof x);
  return x;
}
template <class T>
void store(void* to, std::size_t byte, T x) {
  std::memcpy(static_cast<unsigned char*>(to) + byte, &x, sizeof x);
}

// --- integers ------------------------------------------------------------------------------------------

template <class T>
T integer(tally_op op, T a, T b) {
  const auto x = static_cast<Uint128>(static_cast<Int128>(a));
  const auto y = static_cast<Uint128>(static_cast<Int128>(b));
  switch (op) {
    case TALLY_SUM:
      return static_cast<T>(x + y);
    case TALLY_PROD:
      return static_cast<T>(x * y);
    case TALLY_MIN:
      return a < b ? a : b;
    case TALLY_MAX:
      return a > b ? a : b;
    case TALLY_LAND:
      return a != 0 && b != 0;
    case TALLY_LOR:
      return a != 0 || b != 0;
    case TALLY_LXOR:
      return (a != 0) != (b != 0);
    case TALLY_BAND:
      return static_cast<T>(x & y);
    case TALLY_BOR:
      return static_cast<T>(x | y);
    case TALLY_BXOR:
      return static_cast<T>(x ^ y);
    default:
      return a;
  }
}

// --- binary32, binary64 --------------------------------------------------------------------------------

template <class F>
using BitsOf = std::conditional_t<sizeof(F) == 4, std::uint32_t, std::uint64_t>;

template <class F>
F canonical() {
  return std::bit_cast<F>(static_cast<BitsOf<F>>((sizeof(F) == 4 ? kF32 : kF64).nan()));
}

template <class F>
F without_payload(F x) {
  return std::isnan(x) ? canonical<F>() : x;
}

/// -1, 0, 1 by value, with -0 before +0. Not for NaNs.
template <class F>
int order(F a, F b) {
  if (a < b) return -1;
  if (a > b) return 1;
  return static_cast<int>(std::signbit(b)) - static_cast<int>(std::signbit(a));
}

template <class F>
F real(tally_op op, F a, F b) {
  if (op == TALLY_SUM) return without_payload(a + b);
  if (op == TALLY_PROD) return without_payload(a * b);
  if (std::isnan(a) || std::isnan(b)) return canonical<F>();
  return (order(a, b) < 0) == (op == TALLY_MIN) ? a : b;
}

/// dst gets both components. No contraction: tests/numerics/CMakeLists.txt.
template <class F>
void complex(tally_op op, void* r, const void* a, const void* b, std::size_t at) {
  const F ar = load<F>(a, at), ai = load<F>(a, at + sizeof(F));
  const F br = load<F>(b, at), bi = load<F>(b, at + sizeof(F));
  F re = ar + br, im = ai + bi;
  if (op == TALLY_PROD) {
    const F rr = ar * br, ii = ai * bi, ri = ar * bi, ir = ai * br;
    re = rr - ii;
    im = ri + ir;
  }
  store(r, at, without_payload(re));
  store(r, at + sizeof(F), without_payload(im));
}

// --- binary16, bfloat16 --------------------------------------------------------------------------------

/// The finite number (-1)^sign * magnitude * 2^exponent.
struct Exact {
  bool sign;
  Uint128 magnitude;
  int exponent;
};

Exact decode(const Format& f, std::uint64_t x) {
  const auto field = static_cast<int>(x >> f.fraction_bits & f.exponent_max());
  const std::uint64_t fraction = x & f.fraction_mask();
  const int least = 1 - f.bias() - f.fraction_bits;
  const bool sign = (x >> (f.exponent_bits + f.fraction_bits) & 1) != 0;
  if (field == 0) return {sign, fraction, least};
  return {sign, fraction | 1ull << f.fraction_bits, least + field - 1};
}

int top_bit(Uint128 x) {
  int n = -1;
  const auto high = static_cast<std::uint64_t>(x >> 64), low = static_cast<std::uint64_t>(x);
  if (low != 0) n = 63 - std::countl_zero(low);
  if (high != 0) n = 127 - std::countl_zero(high);
  return n;
}

/// The one rounding: to nearest, ties to even.
std::uint64_t encode(const Format& f, const Exact& x) {
  if (x.magnitude == 0) return f.make(x.sign, 0, 0);
  const int least = 1 - f.bias() - f.fraction_bits;
  int unit = top_bit(x.magnitude) + x.exponent - f.fraction_bits;  // exponent of the last place
  if (unit < least) unit = least;
  const int drop = unit - x.exponent;
  Uint128 kept = x.magnitude;
  if (drop <= 0) {
    kept <<= -drop;
  } else if (drop > 126) {
    kept = 0;
  } else {
    const Uint128 rest = kept & ((Uint128{1} << drop) - 1);
    const Uint128 half = Uint128{1} << (drop - 1);
    kept >>= drop;
    if (rest > half || (rest == half && (kept & 1) != 0)) ++kept;
  }
  // The leading one of a normal number adds 1 to the exponent field, as does a carry out of the fraction.
  const std::uint64_t bits =
      (static_cast<std::uint64_t>(unit - least) << f.fraction_bits) + static_cast<std::uint64_t>(kept);
  return f.make(x.sign, 0, 0) | (bits < f.infinity() ? bits : f.infinity());
}

Exact add(Exact a, Exact b) {
  if (a.exponent < b.exponent) std::swap(a, b);
  // Beyond 60 places b is below any place that could be rounded: one unit there stands for it.
  const int distance = a.exponent - b.exponent < 60 ? a.exponent - b.exponent : 60;
  if (a.exponent - b.exponent > 60 && b.magnitude != 0) b.magnitude = 1;
  const auto x = static_cast<Int128>(a.magnitude << distance) * (a.sign ? -1 : 1);
  const auto y = static_cast<Int128>(b.magnitude) * (b.sign ? -1 : 1);
  const Int128 sum = x + y;
  const bool sign = sum != 0 ? sum < 0 : a.sign && b.sign;
  return {sign, static_cast<Uint128>(sum < 0 ? -sum : sum), a.exponent - distance};
}

/// Infinities and NaNs go through the host's double, which knows what becomes of them; their magnitude does
/// not matter otherwise.
double as_double(const Format& f, std::uint64_t x) {
  const std::uint64_t magnitude = x & (f.make(1, 0, 0) - 1);
  if (magnitude > f.infinity()) return NAN;
  const Exact exact = decode(f, x);
  const double value =
      magnitude == f.infinity() ? HUGE_VAL : std::ldexp(static_cast<double>(exact.magnitude), exact.exponent);
  return exact.sign ? -value : value;
}

std::uint16_t small(const Format& f, tally_op op, std::uint16_t a, std::uint16_t b) {
  const auto inf = static_cast<std::uint16_t>(f.infinity());
  const bool finite = (a & inf) != inf && (b & inf) != inf;
  if (finite && op == TALLY_SUM)
    return static_cast<std::uint16_t>(encode(f, add(decode(f, a), decode(f, b))));
  if (finite && op == TALLY_PROD) {
    const Exact x = decode(f, a), y = decode(f, b);
    return static_cast<std::uint16_t>(
        encode(f, {x.sign != y.sign, x.magnitude * y.magnitude, x.exponent + y.exponent}));
  }
  const double x = as_double(f, a), y = as_double(f, b);
  if (std::isnan(x) || std::isnan(y)) return static_cast<std::uint16_t>(f.nan());
  if (op == TALLY_MIN || op == TALLY_MAX) return (order(x, y) < 0) == (op == TALLY_MIN) ? a : b;
  const double r = op == TALLY_SUM ? x + y : x * y;  // an infinity is among the operands
  return static_cast<std::uint16_t>(std::isnan(r) ? f.nan() : f.make(std::signbit(r), f.exponent_max(), 0));
}

// --- pairs ---------------------------------------------------------------------------------------------

/// The padding of the result is zero.
template <class V>
void pair(const Type& type, tally_op op, void* r, const void* a, const void* b, std::size_t at) {
  const V va = load<V>(a, at), vb = load<V>(b, at);
  const auto ia = load<std::int32_t>(a, at + index_offset(type));
  const auto ib = load<std::int32_t>(b, at + index_offset(type));
  V value = va;
  std::int32_t index = ia < ib ? ia : ib;
  bool nan = false;
  int by_value = va < vb ? -1 : va > vb ? 1 : 0;
  if constexpr (std::is_floating_point_v<V>) {
    nan = std::isnan(va) || std::isnan(vb);
    if (nan) {
      value = canonical<V>();
      if (!std::isnan(va)) index = ib;
      if (!std::isnan(vb)) index = ia;
    } else {
      by_value = order(va, vb);
    }
  }
  if (!nan && by_value != 0) {
    const bool take_a = (by_value < 0) == (op == TALLY_MINLOC);
    value = take_a ? va : vb;
    index = take_a ? ia : ib;
  }
  std::memset(static_cast<unsigned char*>(r) + at, 0, type.bytes);
  store(r, at, value);
  store(r, at + index_offset(type), index);
}

template <class T>
void integers(tally_op op, void* r, const void* a, const void* b, std::size_t n) {
  for (std::size_t at = 0; at < n * sizeof(T); at += sizeof(T))
    store(r, at, integer<T>(op, load<T>(a, at), load<T>(b, at)));
}

template <class F>
void reals(tally_op op, void* r, const void* a, const void* b, std::size_t n) {
  for (std::size_t at = 0; at < n * sizeof(F); at += sizeof(F))
    store(r, at, real<F>(op, load<F>(a, at), load<F>(b, at)));
}

template <class F>
void complexes(tally_op op, void* r, const void* a, const void* b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) complex<F>(op, r, a, b, i * 2 * sizeof(F));
}

void smalls(const Format& f, tally_op op, void* r, const void* a, const void* b, std::size_t n) {
  for (std::size_t at = 0; at < 2 * n; at += 2)
    store(r, at, small(f, op, load<std::uint16_t>(a, at), load<std::uint16_t>(b, at)));
}

template <class V>
void pairs(const Type& type, tally_op op, void* r, const void* a, const void* b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) pair<V>(type, op, r, a, b, i * type.bytes);
}

}  // namespace

void oracle(unsigned dtype, unsigned any_op, void* r, const void* a, const void* b, std::size_t n) {
  const Type& type = type_of(dtype);
  if (!exists(dtype, any_op)) {
    std::memcpy(r, a, n * type.bytes);
    return;
  }
  const auto op = static_cast<tally_op>(any_op);
  switch (type.dtype) {
    case TALLY_I8:
      return integers<std::int8_t>(op, r, a, b, n);
    case TALLY_I16:
      return integers<std::int16_t>(op, r, a, b, n);
    case TALLY_I32:
      return integers<std::int32_t>(op, r, a, b, n);
    case TALLY_I64:
      return integers<std::int64_t>(op, r, a, b, n);
    case TALLY_BYTE:
    case TALLY_U8:
      return integers<std::uint8_t>(op, r, a, b, n);
    case TALLY_U16:
      return integers<std::uint16_t>(op, r, a, b, n);
    case TALLY_U32:
      return integers<std::uint32_t>(op, r, a, b, n);
    case TALLY_U64:
      return integers<std::uint64_t>(op, r, a, b, n);
    case TALLY_F16:
      return smalls(kF16, op, r, a, b, n);
    case TALLY_BF16:
      return smalls(kBf16, op, r, a, b, n);
    case TALLY_F32:
      return reals<float>(op, r, a, b, n);
    case TALLY_F64:
      return reals<double>(op, r, a, b, n);
    case TALLY_C64:
      return complexes<float>(op, r, a, b, n);
    case TALLY_C128:
      return complexes<double>(op, r, a, b, n);
    case TALLY_F32_I32:
      return pairs<float>(type, op, r, a, b, n);
    case TALLY_F64_I32:
      return pairs<double>(type, op, r, a, b, n);
    case TALLY_I64_I32:
      return pairs<std::int64_t>(type, op, r, a, b, n);
    case TALLY_I32_I32:
      return pairs<std::int32_t>(type, op, r, a, b, n);
    case TALLY_I16_I32:
      return pairs<std::int16_t>(type, op, r, a, b, n);
    default:
      break;
  }
}

}  // namespace tally::test
