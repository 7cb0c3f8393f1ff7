// SPDX-License-Identifier: BSD-3-Clause
#include "mpi/datatype/reduction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <set>

#include "support/seed.hpp"

namespace tally {
namespace {

using namespace datatype;

constexpr Op kOps[] = {Op::kMax, Op::kMin,  Op::kSum,  Op::kProd,   Op::kLand,   Op::kBand,    Op::kLor,
                       Op::kBor, Op::kLxor, Op::kBxor, Op::kMinloc, Op::kMaxloc, Op::kReplace, Op::kNoOp};
constexpr auto kNoDtype = static_cast<tally_dtype>(0);

/// The table of MPI 5.0, 6.9.2, written out: which types each operation has.
std::set<Named> table(Op op) {
  using N = Named;
  const std::set<N> c_integer = {
      N::kChar,     N::kSignedChar, N::kUnsignedChar, N::kShort,    N::kUnsignedShort,    N::kInt,
      N::kUnsigned, N::kLong,       N::kUnsignedLong, N::kLongLong, N::kUnsignedLongLong, N::kInt8,
      N::kInt16,    N::kInt32,      N::kInt64,        N::kUint8,    N::kUint16,           N::kUint32,
      N::kUint64};
  const std::set<N> fortran_integer = {N::kInteger,  N::kInteger1, N::kInteger2,
                                       N::kInteger4, N::kInteger8, N::kInteger16};
  const std::set<N> floating = {N::kFloat, N::kDouble, N::kReal,  N::kDoublePrecision, N::kLongDouble,
                                N::kReal2, N::kReal4,  N::kReal8, N::kReal16};
  const std::set<N> logical = {N::kLogical,  N::kCBool,    N::kCxxBool,  N::kLogical1,
                               N::kLogical2, N::kLogical4, N::kLogical8, N::kLogical16};
  const std::set<N> complex = {N::kComplex,         N::kDoubleComplex,    N::kComplex4,
                               N::kComplex8,        N::kComplex16,        N::kComplex32,
                               N::kCFloatComplex,   N::kCDoubleComplex,   N::kCLongDoubleComplex,
                               N::kCxxFloatComplex, N::kCxxDoubleComplex, N::kCxxLongDoubleComplex};
  const std::set<N> byte = {N::kByte};
  const std::set<N> multi = {N::kAint, N::kOffset, N::kCount};
  const std::set<N> pairs = {N::kFloatInt, N::kDoubleInt,        N::kLongInt,
                             N::k2Int,     N::kShortInt,         N::kLongDoubleInt,
                             N::k2Real,    N::k2DoublePrecision, N::k2Integer};
  std::set<N> all;
  const auto add = [&all](const std::set<N>& some) { all.insert(some.begin(), some.end()); };
  switch (op) {
    case Op::kMax:
    case Op::kMin:
      add(c_integer), add(fortran_integer), add(floating), add(multi);
      break;
    case Op::kSum:
    case Op::kProd:
      add(c_integer), add(fortran_integer), add(floating), add(complex), add(multi);
      break;
    case Op::kLand:
    case Op::kLor:
    case Op::kLxor:
      add(c_integer), add(logical);
      break;
    case Op::kBand:
    case Op::kBor:
    case Op::kBxor:
      add(c_integer), add(fortran_integer), add(byte), add(multi);
      break;
    case Op::kMinloc:
    case Op::kMaxloc:
      add(pairs);
      break;
    case Op::kReplace:
    case Op::kNoOp:
      for (int i = 0; i < kNamedTypes; ++i) all.insert(static_cast<N>(i));
  }
  return all;
}

TEST(DatatypeReduction, legal_pairs_are_those_of_the_table) {
  for (const Op op : kOps) {
    const auto types = table(op);
    for (int i = 0; i < kNamedTypes; ++i) {
      const auto type = static_cast<Named>(i);
      EXPECT_EQ(legal(op, type), types.count(type) == 1) << name(op) << " " << name(type);
    }
  }
}

TEST(DatatypeReduction, an_illegal_pair_names_both) {
  try {
    check(Op::kBand, *named(Named::kFloat));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::kOp);
    EXPECT_STREQ(error.what(), "MPI_BAND is not defined for MPI_FLOAT");
  }
  try {
    check(Op::kSum, *contiguous(2, named(Named::kInt)));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "MPI_SUM is not defined for a derived datatype");
  }
  EXPECT_NO_THROW(check(Op::kSum, *named(Named::kInt)));
  EXPECT_NO_THROW(check(Op::kSum, *f90_real(6, 30, -1)));
}

template <class T>
struct Case {
  Op op;
  T in, inout, expected;
};

template <class T>
void expect(Named type, const std::vector<Case<T>>& cases) {
  ASSERT_EQ(named(type)->extent(), static_cast<Count>(sizeof(T)));
  for (const Case<T>& c : cases) {
    ASSERT_TRUE(legal(c.op, type));
    T in[3] = {c.in, c.in, c.in};
    T inout[3] = {c.inout, c.inout, c.inout};
    apply(c.op, type, in, inout, 2);
    EXPECT_TRUE(inout[0] == c.expected) << name(c.op) << " " << name(type);
    EXPECT_TRUE(inout[1] == c.expected) << name(c.op) << " " << name(type);
    EXPECT_TRUE(inout[2] == c.inout) << "behind the last element";
  }
}

TEST(DatatypeReduction, c_types_reduce_as_c_does) {
  expect<int>(Named::kInt,
              {{Op::kSum, 3, 4, 7}, {Op::kMax, -3, 2, 2}, {Op::kLand, 2, 1, 1}, {Op::kBxor, 6, 3, 5}});
  expect<long>(Named::kLong,
               {{Op::kProd, 1L << 20, 1L << 20, 1L << 40}, {Op::kMin, -1L << 40, 3, -1L << 40}});
  expect<unsigned>(Named::kUnsigned, {{Op::kMax, 0x80000000u, 1u, 0x80000000u}});
  expect<unsigned char>(Named::kUnsignedChar, {{Op::kSum, 200, 100, 44}});
  expect<char>(Named::kChar, {{Op::kMax, 'a', 'b', 'b'}});
  expect<double>(Named::kDouble, {{Op::kSum, 0.5, 0.25, 0.75}, {Op::kProd, 3, -2, -6}});
  expect<std::int64_t>(Named::kAint, {{Op::kSum, 5, 6, 11}, {Op::kBor, 8, 1, 9}});
  expect<std::complex<float>>(Named::kCFloatComplex, {{Op::kProd, {1, 2}, {3, 4}, {-5, 10}}});
  expect<bool>(
      Named::kCBool,
      {{Op::kLand, true, false, false}, {Op::kLor, true, false, true}, {Op::kLxor, true, true, false}});
  expect<std::int32_t>(Named::kLogical, {{Op::kLand, -1, 1, 1}, {Op::kLor, 0, 0, 0}, {Op::kLxor, 4, 0, 1}});
}

TEST(DatatypeReduction, long_double_reduces_at_its_own_precision) {
  const long double tiny = 0x1p-60L;
  expect<long double>(Named::kLongDouble, {{Op::kSum, 1.0L, tiny, 1.0L + tiny},
                                           {Op::kProd, 1.0L + tiny, 3.0L, 3.0L * (1.0L + tiny)},
                                           {Op::kMin, 1.0L + tiny, 1.0L, 1.0L},
                                           {Op::kMax, 1.0L + tiny, 1.0L, 1.0L + tiny}});
  using C = std::complex<long double>;
  expect<C>(Named::kCLongDoubleComplex,
            {{Op::kSum, {1, tiny}, {tiny, 1}, {1 + tiny, 1 + tiny}}, {Op::kProd, {1, 2}, {3, 4}, {-5, 10}}});
  expect<C>(Named::kCxxLongDoubleComplex, {{Op::kProd, {0, 1}, {0, 1}, {-1, 0}}});
}

TEST(DatatypeReduction, min_and_max_of_long_double_keep_the_rule_for_nan_and_zero) {
  const long double nan = std::numeric_limits<long double>::quiet_NaN();
  for (const Op op : {Op::kMin, Op::kMax}) {
    for (const bool first : {false, true}) {
      const long double in = first ? nan : 1.0L;
      long double inout = first ? 1.0L : nan;
      apply(op, Named::kLongDouble, &in, &inout, 1);
      EXPECT_TRUE(std::isnan(inout));
      const long double zero = first ? -0.0L : 0.0L;
      inout = first ? 0.0L : -0.0L;
      apply(op, Named::kLongDouble, &zero, &inout, 1);
      EXPECT_EQ(inout, 0.0L);
      EXPECT_EQ(std::signbit(inout), op == Op::kMin);
    }
  }
}

__extension__ using Int128 = __int128;

TEST(DatatypeReduction, fortran_types_of_16_bytes_reduce) {
  const Int128 big = static_cast<Int128>(1) << 100;
  expect<Int128>(Named::kInteger16, {{Op::kSum, big, big, 2 * big},
                                     {Op::kProd, big, 3, 3 * big},
                                     {Op::kMin, -big, big, -big},
                                     {Op::kMax, -big, big, big},
                                     {Op::kBand, big | 5, big | 3, big | 1},
                                     {Op::kBxor, big, big | 1, 1}});
  expect<Int128>(Named::kLogical16, {{Op::kLand, big, 1, 1}, {Op::kLor, 0, big, 1}, {Op::kLxor, big, 1, 0}});
#if defined(__SIZEOF_FLOAT128__)
  __extension__ using Quad = __float128;
  const Quad tiny = static_cast<Quad>(0x1p-110L);
  expect<Quad>(Named::kReal16, {{Op::kSum, 1, tiny, 1 + tiny},
                                {Op::kMax, 1 + tiny, 1, 1 + tiny},
                                {Op::kMin, 1 + tiny, 1, 1},
                                {Op::kProd, 1 + tiny, 2, 2 + 2 * tiny}});
  const Quad in[2] = {1, 2};
  Quad inout[2] = {3, 4};
  apply(Op::kProd, Named::kComplex32, in, inout, 1);
  EXPECT_TRUE(inout[0] == -5 && inout[1] == 10);
  apply(Op::kSum, Named::kComplex32, in, inout, 1);
  EXPECT_TRUE(inout[0] == -4 && inout[1] == 12);
#endif
}

TEST(DatatypeReduction, complex_numbers_of_two_halves_reduce) {
  // binary16: 1 is 0x3c00, 2 0x4000, 3 0x4200, 4 0x4400, -5 0xc500, 10 0x4900, 6 0x4600.
  constexpr std::size_t kElements = 150;
  std::vector<std::uint16_t> in, inout, sum;
  for (std::size_t i = 0; i < kElements; ++i) {
    in.insert(in.end(), {0x3c00, 0x4000});
    inout.insert(inout.end(), {0x4200, 0x4400});
  }
  sum = inout;
  apply(Op::kProd, Named::kComplex4, in.data(), inout.data(), kElements);
  apply(Op::kSum, Named::kComplex4, in.data(), sum.data(), kElements);
  for (std::size_t i = 0; i < kElements; ++i) {
    ASSERT_EQ(inout[2 * i], 0xc500) << i;
    ASSERT_EQ(inout[2 * i + 1], 0x4900) << i;
    ASSERT_EQ(sum[2 * i], 0x4400) << i;
    ASSERT_EQ(sum[2 * i + 1], 0x4600) << i;
  }
}

template <class Value, class Index>
void expect_located(Named type) {
  struct Pair {
    Value value;
    Index index;
  };
  ASSERT_EQ(named(type)->extent(), static_cast<Count>(sizeof(Pair))) << name(type);
  const auto run = [type](Op op, Pair a, Pair b, Value value, Index index) {
    Pair inout;
    std::memset(static_cast<void*>(&inout), 0x5a, sizeof inout);
    inout.value = b.value;
    inout.index = b.index;
    unsigned char before[sizeof(Pair)];
    std::memcpy(before, &inout, sizeof before);
    apply(op, type, &a, &inout, 1);
    EXPECT_EQ(inout.value, value) << name(op) << " " << name(type);
    EXPECT_EQ(inout.index, index) << name(op) << " " << name(type);
    unsigned char after[sizeof(Pair)];
    std::memcpy(after, &inout, sizeof after);
    const std::size_t value_end = std::is_same_v<Value, long double> ? 10 : sizeof(Value);
    for (std::size_t b_at = value_end; b_at < sizeof(Pair); ++b_at) {
      const bool in_index = b_at >= offsetof(Pair, index) && b_at < offsetof(Pair, index) + sizeof(Index);
      if (std::is_same_v<Value, long double> && b_at < 16)
        continue;  // bytes of the value that it does not use
      EXPECT_TRUE(in_index || before[b_at] == after[b_at]) << "padding " << b_at << " of " << name(type);
    }
  };
  run(Op::kMinloc, {1, 7}, {2, 3}, 1, 7);
  run(Op::kMinloc, {2, 3}, {1, 7}, 1, 7);
  run(Op::kMaxloc, {1, 7}, {2, 3}, 2, 3);
  run(Op::kMaxloc, {2, 3}, {-1, 7}, 2, 3);
  run(Op::kMinloc, {2, 9}, {2, 3}, 2, 3);
  run(Op::kMaxloc, {2, 3}, {2, 9}, 2, 3);
}

TEST(DatatypeReduction, minloc_and_maxloc_take_the_smaller_index_of_equal_values) {
  expect_located<float, int>(Named::kFloatInt);
  expect_located<double, int>(Named::kDoubleInt);
  expect_located<long, int>(Named::kLongInt);
  expect_located<int, int>(Named::k2Int);
  expect_located<short, int>(Named::kShortInt);
  expect_located<long double, int>(Named::kLongDoubleInt);
  expect_located<float, float>(Named::k2Real);
  expect_located<double, double>(Named::k2DoublePrecision);
  expect_located<std::int32_t, std::int32_t>(Named::k2Integer);
}

TEST(DatatypeReduction, pairs_of_the_engine_and_of_here_follow_one_rule_for_nan) {
  struct Double {
    double value;
    int index;
  };
  struct Float {
    float value;
    int index;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double values[] = {nan, -nan, 0.0, -0.0, 1.0, -1.0};
  for (const Op op : {Op::kMinloc, Op::kMaxloc}) {
    for (const double a : values) {
      for (const double b : values) {
        for (const int b_index : {1, 2, 3}) {
          const Double in{a, 2};
          Double inout{b, b_index};
          apply(op, Named::kDoubleInt, &in, &inout, 1);  // a loop of this library
          const Float small_in{static_cast<float>(a), 2};
          Float small{static_cast<float>(b), b_index};
          apply(op, Named::kFloatInt, &small_in, &small, 1);  // one of the engine
          EXPECT_EQ(inout.index, small.index);
          EXPECT_EQ(std::isnan(inout.value), std::isnan(small.value));
          EXPECT_EQ(std::signbit(inout.value), std::signbit(small.value));
          EXPECT_TRUE(std::isnan(inout.value) || inout.value == static_cast<double>(small.value));
        }
      }
    }
  }
}

TEST(DatatypeReduction, every_legal_pair_changes_the_vector_as_each_of_its_elements) {
  // Each pair has a loop; it takes all elements, no more, at any alignment.
  test::Random random(test::seed(31));
  for (const Op op : kOps) {
    for (int i = 0; i < kNamedTypes; ++i) {
      const auto type = static_cast<Named>(i);
      if (!legal(op, type)) continue;
      const auto extent = static_cast<std::size_t>(named(type)->extent());
      constexpr std::size_t kElements = 70;
      std::vector<unsigned char> in(kElements * extent), whole(kElements * extent + 8);
      for (auto& b : in) b = static_cast<unsigned char>(random.below(2));
      for (auto& b : whole) b = static_cast<unsigned char>(random.below(2));
      std::vector<unsigned char> single = whole;
      std::vector<unsigned char> shifted(whole.size() + 1);
      std::copy(whole.begin(), whole.end(), shifted.begin() + 1);
      apply(op, type, in.data(), whole.data(), kElements);
      apply(op, type, in.data(), shifted.data() + 1, kElements);
      for (std::size_t e = 0; e < kElements; ++e) {
        apply(op, type, in.data() + e * extent, single.data() + e * extent, 1);
      }
      ASSERT_EQ(whole, single) << name(op) << " " << name(type);
      ASSERT_TRUE(std::equal(whole.begin(), whole.end(), shifted.begin() + 1))
          << name(op) << " " << name(type);
    }
  }
}

TEST(DatatypeReduction, replace_takes_the_input_and_no_op_leaves_the_output) {
  struct Pair {
    short value;
    int index;
  };
  const Pair in{1, 2};
  unsigned char bytes[sizeof(Pair)];
  std::memset(bytes, 0x5a, sizeof bytes);
  apply(Op::kNoOp, Named::kShortInt, &in, bytes, 1);
  EXPECT_EQ(bytes[0], 0x5a);
  apply(Op::kReplace, Named::kShortInt, &in, bytes, 1);
  Pair out;
  std::memcpy(&out, bytes, sizeof out);
  EXPECT_EQ(out.value, 1);
  EXPECT_EQ(out.index, 2);
  EXPECT_EQ(bytes[2], 0x5a);
  const int from[] = {1, 2, 3};
  int to[] = {7, 8, 9};
  apply(Op::kReplace, Named::kInt, from, to, 2);
  EXPECT_EQ(to[0], 1);
  EXPECT_EQ(to[2], 9);
}

TEST(DatatypeReduction, types_of_the_engine_are_those_of_the_same_bytes) {
  EXPECT_EQ(engine_dtype(Named::kLong), TALLY_I64);
  EXPECT_EQ(engine_dtype(Named::kInt), TALLY_I32);
  EXPECT_EQ(engine_dtype(Named::kUnsignedShort), TALLY_U16);
  EXPECT_EQ(engine_dtype(Named::kReal2), TALLY_F16);
  EXPECT_EQ(engine_dtype(Named::kDoublePrecision), TALLY_F64);
  EXPECT_EQ(engine_dtype(Named::kCDoubleComplex), TALLY_C128);
  EXPECT_EQ(engine_dtype(Named::kByte), TALLY_BYTE);
  EXPECT_EQ(engine_dtype(Named::kLongInt), TALLY_I64_I32);
  EXPECT_EQ(engine_dtype(Named::kLongDouble), kNoDtype);
  EXPECT_EQ(engine_dtype(Named::k2Real), kNoDtype);
  EXPECT_TRUE(engine_reduces(Op::kSum, Named::kInt));
  EXPECT_TRUE(engine_reduces(Op::kLand, Named::kCBool));
  EXPECT_TRUE(engine_reduces(Op::kMaxloc, Named::kShortInt));
  EXPECT_TRUE(engine_reduces(Op::kBor, Named::kByte));
  EXPECT_FALSE(engine_reduces(Op::kSum, Named::kLongDouble));
  EXPECT_FALSE(engine_reduces(Op::kSum, Named::kByte));
  EXPECT_FALSE(engine_reduces(Op::kReplace, Named::kInt));
}

}  // namespace
}  // namespace tally
