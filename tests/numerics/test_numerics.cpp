// SPDX-License-Identifier: BSD-3-Clause
// The CPU's reduction loops against tests/numerics/oracle.hpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <cstring>
#include <tuple>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "engine/numerics/kernels.hpp"
#include "engine/numerics/reduce.hpp"
#include "numerics/operands.hpp"

namespace tally::test {
namespace {

using Bytes = std::vector<unsigned char>;

void put(Bytes& bytes, std::size_t size, std::size_t index, std::uint64_t value) {
  std::memcpy(&bytes[index * size], &value, size);  // little-endian, as the device
}
std::uint64_t get(const Bytes& bytes, std::size_t size, std::size_t index) {
  std::uint64_t value = 0;
  std::memcpy(&value, &bytes[index * size], size);
  return value;
}

struct Vectors {
  Bytes a;
  Bytes b;
};

Vectors draw(tally_dtype dtype, std::size_t count, std::uint64_t seed) {
  const std::size_t size = numerics::element_bytes(dtype);
  Vectors v{Bytes(count * size), Bytes(count * size)};
  PairSource source(dtype, seed);
  for (std::size_t i = 0; i < count; ++i) {
    const Pair p = source.next();
    put(v.a, size, i, p.a);
    put(v.b, size, i, p.b);
  }
  return v;
}

Bytes expect(tally_dtype dtype, tally_op op, const Vectors& v) {
  const std::size_t size = numerics::element_bytes(dtype);
  Bytes r(v.a.size());
  for (std::size_t i = 0; i < r.size() / size; ++i)
    put(r, size, i, oracle(dtype, op, get(v.a, size, i), get(v.b, size, i)));
  return r;
}

/// Equal, or a report of the first element that differs.
testing::AssertionResult same(tally_dtype dtype, tally_op op, const Vectors& v, const Bytes& got,
                              const Bytes& want) {
  const std::size_t size = numerics::element_bytes(dtype);
  for (std::size_t i = 0; i < want.size() / size; ++i) {
    if (get(got, size, i) == get(want, size, i)) continue;
    return testing::AssertionFailure()
           << std::hex << name_of(dtype) << ' ' << name_of(op) << " element " << std::dec << i << std::hex
           << ": " << get(v.a, size, i) << " op " << get(v.b, size, i) << " = " << get(got, size, i)
           << ", expected " << get(want, size, i);
  }
  return testing::AssertionSuccess();
}

class Kernels : public testing::TestWithParam<std::tuple<tally_dtype, tally_op>> {
 protected:
  tally_dtype dtype() const { return std::get<0>(GetParam()); }
  tally_op op() const { return std::get<1>(GetParam()); }
  std::size_t size() const { return numerics::element_bytes(dtype()); }
};

TEST_P(Kernels, all_pairs_of_corner_values_follow_the_rule) {
  const std::vector<std::uint64_t> corners = corner_values(dtype());
  const std::size_t n = corners.size();
  Vectors v{Bytes(n * n * size()), Bytes(n * n * size())};
  for (std::size_t i = 0; i < n * n; ++i) {
    put(v.a, size(), i, corners[i / n]);
    put(v.b, size(), i, corners[i % n]);
  }
  Bytes got(v.a.size());
  numerics::reduce(dtype(), op(), got.data(), v.a.data(), v.b.data(), n * n);
  EXPECT_TRUE(same(dtype(), op(), v, got, expect(dtype(), op(), v)));
}

TEST_P(Kernels, a_million_random_pairs_follow_the_rule) {
  const std::size_t count = 1u << 20;
  const Vectors v = draw(dtype(), count, test::seed(kSeed));
  Bytes got(v.a.size());
  numerics::reduce(dtype(), op(), got.data(), v.a.data(), v.b.data(), count);
  EXPECT_TRUE(same(dtype(), op(), v, got, expect(dtype(), op(), v)));
}

TEST_P(Kernels, operands_commute_bit_for_bit) {
  const std::size_t count = 1u << 18;
  const Vectors v = draw(dtype(), count, test::seed(kSeed));
  Bytes ab(v.a.size());
  Bytes ba(v.a.size());
  numerics::reduce(dtype(), op(), ab.data(), v.a.data(), v.b.data(), count);
  numerics::reduce(dtype(), op(), ba.data(), v.b.data(), v.a.data(), count);
  EXPECT_TRUE(same(dtype(), op(), v, ab, ba));
}

TEST_P(Kernels, result_may_overwrite_an_operand) {
  const std::size_t count = 1027;
  const Vectors v = draw(dtype(), count, test::seed(kSeed));
  const Bytes want = expect(dtype(), op(), v);

  Bytes in_a = v.a;
  numerics::reduce(dtype(), op(), in_a.data(), in_a.data(), v.b.data(), count);
  EXPECT_TRUE(same(dtype(), op(), v, in_a, want));

  Bytes in_b = v.b;
  numerics::reduce(dtype(), op(), in_b.data(), v.a.data(), in_b.data(), count);
  EXPECT_TRUE(same(dtype(), op(), v, in_b, want));

  const Vectors twice{v.a, v.a};
  Bytes both = v.a;
  numerics::reduce(dtype(), op(), both.data(), both.data(), both.data(), count);
  EXPECT_TRUE(same(dtype(), op(), twice, both, expect(dtype(), op(), twice)));
}

TEST_P(Kernels, every_length_and_alignment_writes_exactly_its_elements) {
  constexpr unsigned char kGuard = 0xa5;
  for (std::size_t count = 0; count <= 67; ++count) {
    const Vectors v = draw(dtype(), count, test::seed(kSeed) + count);
    const std::size_t bytes = count * size();
    for (std::size_t offset = 0; offset < 9; ++offset) {
      Bytes a(bytes + 16);
      Bytes b(bytes + 16);
      Bytes dst(bytes + 64, kGuard);
      if (bytes != 0) {
        std::memcpy(&a[offset], v.a.data(), bytes);
        std::memcpy(&b[(offset + 3) % 9], v.b.data(), bytes);
      }
      numerics::reduce(dtype(), op(), &dst[16 + offset], &a[offset], &b[(offset + 3) % 9], count);
      const auto begin = dst.begin() + static_cast<std::ptrdiff_t>(16 + offset);
      const auto end = begin + static_cast<std::ptrdiff_t>(bytes);
      ASSERT_TRUE(same(dtype(), op(), v, Bytes(begin, end), expect(dtype(), op(), v)));
      ASSERT_EQ(std::count(dst.begin(), begin, kGuard), begin - dst.begin());
      ASSERT_EQ(std::count(end, dst.end(), kGuard), dst.end() - end);
    }
  }
}

TEST_P(Kernels, caller_rounding_mode_has_no_influence_and_stays) {
  const std::size_t count = 1u << 14;
  const Vectors v = draw(dtype(), count, test::seed(kSeed));
  const Bytes want = expect(dtype(), op(), v);
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    Bytes got(v.a.size());
    ASSERT_EQ(std::fesetround(mode), 0);
    numerics::reduce(dtype(), op(), got.data(), v.a.data(), v.b.data(), count);
    const int after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(after, mode);
    EXPECT_TRUE(same(dtype(), op(), v, got, want));
  }
}

#if defined(__SSE2__)
TEST_P(Kernels, caller_flush_to_zero_has_no_influence_and_stays) {
  const std::size_t count = 1u << 14;
  const Vectors v = draw(dtype(), count, test::seed(kSeed));
  const Bytes want = expect(dtype(), op(), v);
  const unsigned before = _mm_getcsr();
  const unsigned flushing = (before | 0x8040u) & ~0x3fu;  // FTZ, DAZ; no flag raised
  Bytes got(v.a.size());
  _mm_setcsr(flushing);
  numerics::reduce(dtype(), op(), got.data(), v.a.data(), v.b.data(), count);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after, flushing);
  EXPECT_TRUE(same(dtype(), op(), v, got, want));
}
#endif

TEST_P(Kernels, base_loops_equal_the_chosen_ones) {
  const std::size_t count = (1u << 18) + 5;
  const Vectors v = draw(dtype(), count, test::seed(kSeed));
  const numerics::KernelTable& table = numerics::base_kernels();
  const numerics::KernelRow& row = dtype() == TALLY_I32   ? table.i32
                                   : dtype() == TALLY_I64 ? table.i64
                                   : dtype() == TALLY_F32 ? table.f32
                                                          : table.f64;
  const numerics::Kernel kernel = op() == TALLY_SUM ? row.sum : op() == TALLY_MIN ? row.min : row.max;
  Bytes chosen(v.a.size());
  Bytes base(v.a.size());
  numerics::reduce(dtype(), op(), chosen.data(), v.a.data(), v.b.data(), count);
  kernel(base.data(), v.a.data(), v.b.data(), count);
  EXPECT_TRUE(same(dtype(), op(), v, chosen, base));
}

INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::Combine(testing::ValuesIn(kDtypes), testing::ValuesIn(kOps)),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + '_' + name_of(std::get<1>(test.param));
                         });

TEST(Reduce, known_sums_come_out_in_both_orders) {
  for (const KnownSum& k : known_sums()) {
    for (const bool swap : {false, true}) {
      std::uint64_t r = 0;
      numerics::reduce(k.dtype, TALLY_SUM, &r, swap ? &k.b : &k.a, swap ? &k.a : &k.b, 1);
      EXPECT_EQ(r, k.sum) << name_of(k.dtype) << ": " << k.why;
    }
  }
}

TEST(Reduce, element_sizes_are_those_of_the_types_and_0_for_unknown_ones) {
  EXPECT_EQ(numerics::element_bytes(TALLY_BYTE), 1u);
  EXPECT_EQ(numerics::element_bytes(TALLY_I32), 4u);
  EXPECT_EQ(numerics::element_bytes(TALLY_I64), 8u);
  EXPECT_EQ(numerics::element_bytes(TALLY_F32), 4u);
  EXPECT_EQ(numerics::element_bytes(TALLY_F64), 8u);
  for (const int unknown : {0, 2, 3, 6, 11, 14, 15}) {
    EXPECT_EQ(numerics::element_bytes(static_cast<tally_dtype>(unknown)), 0u);
  }
}

TEST(Reduce, exactly_the_twelve_pairs_reduce) {
  int pairs = 0;
  for (int dtype = 0; dtype < 16; ++dtype) {
    for (int op = 0; op < 8; ++op) {
      if (numerics::reduces(static_cast<tally_dtype>(dtype), static_cast<tally_op>(op))) ++pairs;
    }
  }
  EXPECT_EQ(pairs, 12);
  for (const tally_dtype dtype : kDtypes) {
    for (const tally_op op : kOps) EXPECT_TRUE(numerics::reduces(dtype, op));
  }
}

TEST(Reduce, pairs_that_do_not_exist_give_the_first_operand) {
  const std::uint32_t a[3] = {0x7f800001u, 2, 3};
  const std::uint32_t b[3] = {4, 5, 6};
  std::uint32_t r[3] = {7, 8, 9};
  numerics::reduce(TALLY_F32, TALLY_OP_NONE, r, a, b, 2);
  EXPECT_EQ(r[0], a[0]);
  EXPECT_EQ(r[1], a[1]);
  EXPECT_EQ(r[2], 9u);
  numerics::reduce(static_cast<tally_dtype>(14), TALLY_SUM, r, b, a, 3);
  EXPECT_EQ(r[0], a[0]);
}

}  // namespace
}  // namespace tally::test
