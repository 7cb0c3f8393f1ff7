// SPDX-License-Identifier: BSD-3-Clause
#include "mpi/datatype/reduction.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "engine/numerics/reduce.hpp"
#include "mpi/datatype/kinds.hpp"

namespace tally::datatype {
namespace {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;
#if defined(__SIZEOF_FLOAT128__)
__extension__ using Quad = __float128;
#else
using Quad = long double;  // binary128 where the compiler has no name for that (kinds of named.cpp)
#endif

using Kernel = void (*)(const std::byte* in, std::byte* inout, Count count) noexcept;

template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

// --- numbers
// -------------------------------------------------------------------------------------------------

template <class T>
bool negative(T x) noexcept {
  // The sign of a zero too. x87 and binary128: the top bit of the last of their 10 and 16 bytes.
  std::array<unsigned char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &x, sizeof x);
  constexpr bool kX87 = std::is_same_v<T, long double> && std::numeric_limits<long double>::digits == 64;
  constexpr std::size_t kTop = std::endian::native == std::endian::big ? 0 : kX87 ? 9 : sizeof(T) - 1;
  return (bytes[kTop] & 0x80) != 0;
}

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T> || std::is_same_v<T, Quad>;

/// Order of docs/reductions.md: -0 < +0.
template <class T>
bool less(T a, T b) noexcept {
  if constexpr (kIsFloat<T>) {
    if (a == b) return negative(a) && !negative(b);
  }
  return a < b;
}

template <class T>
bool is_nan(T x) noexcept {
  if constexpr (kIsFloat<T>) return x != x;
  return false;
}

struct Sum {
  template <class T>
  static T of(T a, T b) noexcept {
    if constexpr (std::is_same_v<T, Int128>)
      return static_cast<T>(static_cast<Uint128>(a) + static_cast<Uint128>(b));
    return a + b;
  }
};

struct Prod {
  template <class T>
  static T of(T a, T b) noexcept {
    if constexpr (std::is_same_v<T, Int128>)
      return static_cast<T>(static_cast<Uint128>(a) * static_cast<Uint128>(b));
    return a * b;
  }
};

template <bool kGreater>
struct Extreme {
  template <class T>
  static T of(T a, T b) noexcept {
    if (is_nan(a) || is_nan(b)) return a + b;  // a quiet one
    return (kGreater ? less(a, b) : less(b, a)) ? b : a;
  }
};

struct Land {
  template <class T>
  static T of(T a, T b) noexcept {
    return static_cast<T>(a != 0 && b != 0);
  }
};
struct Lor {
  template <class T>
  static T of(T a, T b) noexcept {
    return static_cast<T>(a != 0 || b != 0);
  }
};
struct Lxor {
  template <class T>
  static T of(T a, T b) noexcept {
    return static_cast<T>((a != 0) != (b != 0));
  }
};
struct Band {
  template <class T>
  static T of(T a, T b) noexcept {
    return a & b;
  }
};
struct Bor {
  template <class T>
  static T of(T a, T b) noexcept {
    return a | b;
  }
};
struct Bxor {
  template <class T>
  static T of(T a, T b) noexcept {
    return a ^ b;
  }
};

template <class T, class F>
void numbers(const std::byte* in, std::byte* inout, Count count) noexcept {
  for (Count i = 0; i < count; ++i, in += sizeof(T), inout += sizeof(T)) {
    store(inout, F::of(load<T>(in), load<T>(inout)));
  }
}

template <class T>
Kernel floating(Op op) noexcept {
  switch (op) {
    case Op::kSum:
      return numbers<T, Sum>;
    case Op::kProd:
      return numbers<T, Prod>;
    case Op::kMin:
      return numbers<T, Extreme<false>>;
    case Op::kMax:
      return numbers<T, Extreme<true>>;
    default:
      return nullptr;
  }
}

Kernel integer128(Op op) noexcept {
  switch (op) {
    case Op::kLand:
      return numbers<Int128, Land>;
    case Op::kLor:
      return numbers<Int128, Lor>;
    case Op::kLxor:
      return numbers<Int128, Lxor>;
    case Op::kBand:
      return numbers<Int128, Band>;
    case Op::kBor:
      return numbers<Int128, Bor>;
    case Op::kBxor:
      return numbers<Int128, Bxor>;
    case Op::kSum:
      return numbers<Int128, Sum>;
    case Op::kProd:
      return numbers<Int128, Prod>;
    case Op::kMin:
      return numbers<Int128, Extreme<false>>;
    case Op::kMax:
      return numbers<Int128, Extreme<true>>;
    default:
      return nullptr;
  }
}

// --- complex numbers: no special case for infinities, as docs/reductions.md has it
// -------------------------------

template <class T>
void complex_sum(const std::byte* in, std::byte* inout, Count count) noexcept {
  numbers<T, Sum>(in, inout, 2 * count);
}

template <class T>
void complex_prod(const std::byte* in, std::byte* inout, Count count) noexcept {
  for (Count i = 0; i < count; ++i, in += 2 * sizeof(T), inout += 2 * sizeof(T)) {
    const T ar = load<T>(in);
    const T ai = load<T>(in + sizeof(T));
    const T br = load<T>(inout);
    const T bi = load<T>(inout + sizeof(T));
    store<T>(inout, ar * br - ai * bi);
    store<T>(inout + sizeof(T), ar * bi + ai * br);
  }
}

void half_complex_sum(const std::byte* in, std::byte* inout, Count count) noexcept {
  numerics::reduce(TALLY_F16, TALLY_SUM, inout, in, inout, static_cast<std::size_t>(2 * count));
}

/// By the engine's binary16 operations, some elements at a time.
void half_complex_prod(const std::byte* in, std::byte* inout, Count count) noexcept {
  constexpr std::size_t kAtOnce = 64;
  using Halves = std::array<std::uint16_t, kAtOnce>;
  const auto product = [](Halves& to, const Halves& a, const Halves& b, std::size_t n) {
    numerics::reduce(TALLY_F16, TALLY_PROD, to.data(), a.data(), b.data(), n);
  };
  while (count > 0) {
    const std::size_t n = std::min(static_cast<std::size_t>(count), kAtOnce);
    Halves ar, ai, br, bi, x, y;
    for (std::size_t i = 0; i < n; ++i) {
      ar[i] = load<std::uint16_t>(in + 4 * i);
      ai[i] = load<std::uint16_t>(in + 4 * i + 2);
      br[i] = load<std::uint16_t>(inout + 4 * i);
      bi[i] = load<std::uint16_t>(inout + 4 * i + 2);
    }
    product(x, ar, br, n);
    product(y, ai, bi, n);
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<std::uint16_t>(y[i] ^ 0x8000u);  // x - y is x + -y
    numerics::reduce(TALLY_F16, TALLY_SUM, x.data(), x.data(), y.data(), n);
    for (std::size_t i = 0; i < n; ++i) store(inout + 4 * i, x[i]);
    product(x, ar, bi, n);
    product(y, ai, br, n);
    numerics::reduce(TALLY_F16, TALLY_SUM, x.data(), x.data(), y.data(), n);
    for (std::size_t i = 0; i < n; ++i) store(inout + 4 * i + 2, x[i]);
    in += 4 * n;
    inout += 4 * n;
    count -= static_cast<Count>(n);
  }
}

Kernel complex_kernel(Op op, Count component) noexcept {
  if (op != Op::kSum && op != Op::kProd) return nullptr;
  const bool sum = op == Op::kSum;
  return component == 2 ? (sum ? half_complex_sum : half_complex_prod)
                        : (sum ? complex_sum<Quad> : complex_prod<Quad>);
}

// --- values with an index
// ----------------------------------------------------------------------------------------

/// Of equal values the smaller index; a NaN wins over any number.
template <class Value, class Index, bool kGreater>
void located(const std::byte* in, std::byte* inout, Count count) noexcept {
  struct Pair {
    Value value;
    Index index;
  };
  constexpr std::size_t kIndex = offsetof(Pair, index);
  for (Count i = 0; i < count; ++i, in += sizeof(Pair), inout += sizeof(Pair)) {
    const auto a = load<Value>(in);
    const auto b = load<Value>(inout);
    const auto a_index = load<Index>(in + kIndex);
    const auto b_index = load<Index>(inout + kIndex);
    const bool a_nan = is_nan(a);
    const bool b_nan = is_nan(b);
    bool take_a = false;
    if (a_nan || b_nan) {
      take_a = a_nan && (!b_nan || less(a_index, b_index));
    } else if (less(a, b) || less(b, a)) {
      take_a = kGreater ? less(b, a) : less(a, b);
    } else {
      take_a = less(a_index, b_index);
    }
    if (take_a) {
      store(inout, a);
      store(inout + kIndex, a_index);
    }
    if (a_nan || b_nan) store(inout, std::numeric_limits<Value>::quiet_NaN());
  }
}

template <class Value, class Index>
Kernel located_kernel(Op op) noexcept {
  return op == Op::kMinloc   ? located<Value, Index, false>
         : op == Op::kMaxloc ? located<Value, Index, true>
                             : nullptr;
}

/// Pairs with padding, which the engine's loops would clear, and those that it does not have.
Kernel pair_kernel(Op op, Named type) noexcept {
  switch (type) {
    case Named::kDoubleInt:
      return located_kernel<double, int>(op);
    case Named::kLongInt:
      return located_kernel<long, int>(op);
    case Named::kShortInt:
      return located_kernel<short, int>(op);
    case Named::kLongDoubleInt:
      return located_kernel<long double, int>(op);
    case Named::k2Real:
      return located_kernel<float, float>(op);
    case Named::k2DoublePrecision:
      return located_kernel<double, double>(op);
    default:
      return nullptr;
  }
}

/// nullptr: the engine's loops do it.
Kernel own_kernel(Op op, Named type) noexcept {
  const Kind& k = kind(type);
  if (k.pair) return pair_kernel(op, type);
  if (k.dtype != static_cast<tally_dtype>(0)) return nullptr;
  switch (k.format) {
    case Format::kSigned:
    case Format::kLogical:
      return integer128(op);
    case Format::kExtended:
      if (!k.complex) return floating<long double>(op);
      return op == Op::kSum    ? complex_sum<long double>
             : op == Op::kProd ? complex_prod<long double>
                               : nullptr;
    case Format::kFloat:
      return k.complex ? complex_kernel(op, k.size / 2) : floating<Quad>(op);
    default:
      return nullptr;
  }
}

std::string described(const Type& type) {
  if (type.predefined() && type.uniform()) return std::string(name(*type.uniform()));
  if (type.combiner() == Combiner::kNamed) return std::string(name(type.named()));
  return "a derived datatype";
}

}  // namespace

std::string_view name(Op op) noexcept {
  constexpr std::string_view kNames[] = {"MPI_MAX",    "MPI_MIN",    "MPI_SUM",     "MPI_PROD", "MPI_LAND",
                                         "MPI_BAND",   "MPI_LOR",    "MPI_BOR",     "MPI_LXOR", "MPI_BXOR",
                                         "MPI_MINLOC", "MPI_MAXLOC", "MPI_REPLACE", "MPI_NO_OP"};
  return kNames[static_cast<std::size_t>(op)];
}

bool legal(Op op, Named type) noexcept {
  const Group group = kind(type).group;
  const bool integer = group == Group::kInteger || group == Group::kFortranInteger;
  switch (op) {
    case Op::kMax:
    case Op::kMin:
      return integer || group == Group::kFloating || group == Group::kMultiLanguage;
    case Op::kSum:
    case Op::kProd:
      return integer || group == Group::kFloating || group == Group::kComplex ||
             group == Group::kMultiLanguage;
    case Op::kLand:
    case Op::kLor:
    case Op::kLxor:
      return group == Group::kInteger || group == Group::kLogical;
    case Op::kBand:
    case Op::kBor:
    case Op::kBxor:
      return integer || group == Group::kByte || group == Group::kMultiLanguage;
    case Op::kMinloc:
    case Op::kMaxloc:
      return group == Group::kPair;
    case Op::kReplace:
    case Op::kNoOp:
      return true;
  }
  return false;
}

tally_op engine_op(Op op) noexcept {
  constexpr tally_op kOps[] = {TALLY_MAX,    TALLY_MIN,    TALLY_SUM,     TALLY_PROD,   TALLY_LAND,
                               TALLY_BAND,   TALLY_LOR,    TALLY_BOR,     TALLY_LXOR,   TALLY_BXOR,
                               TALLY_MINLOC, TALLY_MAXLOC, TALLY_OP_NONE, TALLY_OP_NONE};
  return kOps[static_cast<std::size_t>(op)];
}

void check(Op op, const Type& type) {
  if (op == Op::kReplace || op == Op::kNoOp) return;
  if (type.predefined() && type.uniform() && legal(op, *type.uniform())) return;
  throw Error(Fault::kOp, std::string(name(op)) + " is not defined for " + described(type));
}

bool engine_reduces(Op op, Named type) noexcept {
  const tally_dtype dtype = engine_dtype(type);
  return legal(op, type) && dtype != static_cast<tally_dtype>(0) && numerics::reduces(dtype, engine_op(op));
}

void apply(Op op, Named type, const void* in, void* inout, Count count) noexcept {
  if (count <= 0 || op == Op::kNoOp || (op == Op::kReplace && in == inout)) return;
  const auto* from = static_cast<const std::byte*>(in);
  auto* to = static_cast<std::byte*>(inout);
  if (op == Op::kReplace) {
    const Type& moved = *named(type);
    if (moved.size() == 0) return;
    if (moved.contiguous()) {
      std::memcpy(to, from, static_cast<std::size_t>(count * moved.size()));
      return;
    }
    const Kind& k = kind(type);
    for (Count i = 0; i < count; ++i, from += k.extent, to += k.extent) {
      std::memcpy(to, from, static_cast<std::size_t>(kind(k.value).size));
      std::memcpy(to + k.index_offset, from + k.index_offset, static_cast<std::size_t>(kind(k.index).size));
    }
    return;
  }
  if (const Kernel kernel = own_kernel(op, type)) return kernel(from, to, count);
  numerics::reduce(engine_dtype(type), engine_op(op), to, from, to, static_cast<std::size_t>(count));
}

}  // namespace tally::datatype
