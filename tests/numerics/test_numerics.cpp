// SPDX-License-Identifier: BSD-3-Clause
// The CPU's reduction loops against tests/numerics/oracle.hpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <cstring>
#include <string>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "engine/numerics/kernels.hpp"
#include "engine/numerics/reduce.hpp"
#include "numerics/operands.hpp"
#include "numerics/oracle.hpp"

namespace tally::test {
namespace {

using Bytes = std::vector<unsigned char>;

/// Elements made and reduced at once.
constexpr std::size_t kBatch = 1u << 14;
/// Random pairs of each type and operation, times effort().
constexpr std::size_t kRandomPairs = 10'000'000;

struct Vectors {
  Bytes a;
  Bytes b;
};

Vectors draw(const Type& type, std::size_t count, std::uint64_t seed) {
  Vectors v{Bytes(count * type.bytes), Bytes(count * type.bytes)};
  Operands(type, seed).fill(v.a.data(), v.b.data(), count);
  return v;
}

Bytes expect(const Type& type, tally_op op, const Vectors& v) {
  Bytes r(v.a.size());
  oracle(type.dtype, op, r.data(), v.a.data(), v.b.data(), r.size() / type.bytes);
  return r;
}

Bytes reduce(const Type& type, tally_op op, const Vectors& v) {
  Bytes r(v.a.size());
  numerics::reduce(type.dtype, op, r.data(), v.a.data(), v.b.data(), r.size() / type.bytes);
  return r;
}

std::string hex(const unsigned char* from, std::size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = bytes; i-- != 0;) {
    text += kDigits[from[i] >> 4];
    text += kDigits[from[i] & 15];
  }
  return text;
}

/// Equal, or a report of the first element that differs.
testing::AssertionResult same(const Type& type, tally_op op, const Vectors& v, const Bytes& got,
                              const Bytes& want) {
  if (got == want) return testing::AssertionSuccess();
  for (std::size_t at = 0; at < want.size(); at += type.bytes) {
    if (std::memcmp(&got[at], &want[at], type.bytes) == 0) continue;
    return testing::AssertionFailure()
           << type.name << " op " << op << " element " << at / type.bytes << ": " << hex(&v.a[at], type.bytes)
           << " op " << hex(&v.b[at], type.bytes) << " = " << hex(&got[at], type.bytes) << ", expected "
           << hex(&want[at], type.bytes);
  }
  return testing::AssertionFailure() << "sizes";
}

class Kernels : public testing::TestWithParam<Type> {
 protected:
  const Type& type() const { return GetParam(); }

  /// Calls check(op) for each operation of the type, until one fails.
  template <class Check>
  void each_op(Check check) {
    for (const Op& op : kOps) {
      if (!exists(type(), op.op)) continue;
      check(op.op);
      ASSERT_FALSE(HasFailure()) << op.name;
    }
  }
};

TEST_P(Kernels, all_pairs_of_corner_values_follow_the_rule) {
  Operands operands(type(), test::seed(kSeed));
  const std::size_t count = operands.corner_pairs();
  Vectors v{Bytes(count * type().bytes), Bytes(count * type().bytes)};
  operands.fill_corners(v.a.data(), v.b.data(), count, 0);
  each_op(
      [&](tally_op op) { EXPECT_TRUE(same(type(), op, v, reduce(type(), op, v), expect(type(), op, v))); });
}

TEST_P(Kernels, ten_million_random_pairs_follow_the_rule) {
  Operands operands(type(), test::seed(kSeed));
  Vectors v{Bytes(kBatch * type().bytes), Bytes(kBatch * type().bytes)};
  for (std::size_t done = 0; done < kRandomPairs * effort(); done += kBatch) {
    // The same operands for all operations.
    operands.fill(v.a.data(), v.b.data(), kBatch);
    each_op(
        [&](tally_op op) { EXPECT_TRUE(same(type(), op, v, reduce(type(), op, v), expect(type(), op, v))); });
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(Kernels, operands_commute_bit_for_bit) {
  const Vectors v = draw(type(), 1u << 18, test::seed(kSeed));
  const Vectors swapped{v.b, v.a};
  each_op([&](tally_op op) {
    EXPECT_TRUE(same(type(), op, v, reduce(type(), op, v), reduce(type(), op, swapped)));
  });
}

TEST_P(Kernels, result_may_overwrite_an_operand) {
  const std::size_t count = 1027;
  const Vectors v = draw(type(), count, test::seed(kSeed));
  const Vectors twice{v.a, v.a};
  each_op([&](tally_op op) {
    const Bytes want = expect(type(), op, v);
    Bytes in_a = v.a;
    numerics::reduce(type().dtype, op, in_a.data(), in_a.data(), v.b.data(), count);
    EXPECT_TRUE(same(type(), op, v, in_a, want));
    Bytes in_b = v.b;
    numerics::reduce(type().dtype, op, in_b.data(), v.a.data(), in_b.data(), count);
    EXPECT_TRUE(same(type(), op, v, in_b, want));
    Bytes both = v.a;
    numerics::reduce(type().dtype, op, both.data(), both.data(), both.data(), count);
    EXPECT_TRUE(same(type(), op, twice, both, expect(type(), op, twice)));
  });
}

TEST_P(Kernels, every_length_and_alignment_writes_exactly_its_elements) {
  constexpr unsigned char kGuard = 0xa5;
  const std::uint64_t seed = test::seed(kSeed);
  for (std::size_t count = 0; count <= 67; ++count) {
    const Vectors v = draw(type(), count, seed + count);
    const std::size_t bytes = count * type().bytes;
    for (std::size_t offset = 0; offset < 9; ++offset) {
      Bytes a(bytes + 16);
      Bytes b(bytes + 16);
      std::copy(v.a.begin(), v.a.end(), a.begin() + static_cast<std::ptrdiff_t>(offset));
      std::copy(v.b.begin(), v.b.end(), b.begin() + static_cast<std::ptrdiff_t>((offset + 3) % 9));
      each_op([&](tally_op op) {
        Bytes dst(bytes + 64, kGuard);
        numerics::reduce(type().dtype, op, &dst[16 + offset], &a[offset], &b[(offset + 3) % 9], count);
        const auto begin = dst.begin() + static_cast<std::ptrdiff_t>(16 + offset);
        const auto end = begin + static_cast<std::ptrdiff_t>(bytes);
        EXPECT_TRUE(same(type(), op, v, Bytes(begin, end), expect(type(), op, v)));
        EXPECT_EQ(std::count(dst.begin(), begin, kGuard), begin - dst.begin());
        EXPECT_EQ(std::count(end, dst.end(), kGuard), dst.end() - end);
      });
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(Kernels, caller_rounding_mode_has_no_influence_and_stays) {
  const Vectors v = draw(type(), 1u << 14, test::seed(kSeed));
  each_op([&](tally_op op) {
    const Bytes want = expect(type(), op, v);
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      ASSERT_EQ(std::fesetround(mode), 0);
      const Bytes got = reduce(type(), op, v);
      const int after = std::fegetround();
      std::fesetround(FE_TONEAREST);
      EXPECT_EQ(after, mode);
      EXPECT_TRUE(same(type(), op, v, got, want));
    }
  });
}

#if defined(__SSE2__)
TEST_P(Kernels, caller_flush_to_zero_has_no_influence_and_stays) {
  const Vectors v = draw(type(), 1u << 14, test::seed(kSeed));
  const unsigned before = _mm_getcsr();
  const unsigned flushing = (before | 0x8040u) & ~0x3fu;  // FTZ, DAZ; no flag raised
  each_op([&](tally_op op) {
    const Bytes want = expect(type(), op, v);
    _mm_setcsr(flushing);
    const Bytes got = reduce(type(), op, v);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    EXPECT_EQ(after, flushing);
    EXPECT_TRUE(same(type(), op, v, got, want));
  });
}
#endif

TEST_P(Kernels, loops_of_all_instruction_sets_give_the_same_bytes) {
  const Vectors v = draw(type(), (1u << 18) + 5, test::seed(kSeed));
  const numerics::KernelTable* tables[numerics::kMaxTables];
  const std::size_t count = numerics::usable_kernels(tables);
  EXPECT_STREQ(tables[count - 1]->name, numerics::kernel_name());
  each_op([&](tally_op op) {
    for (std::size_t t = 0; t < count; ++t) {
      const numerics::Kernel kernel = tables[t]->find(type().dtype, op);
      ASSERT_NE(kernel, nullptr);
      Bytes out(v.a.size());
      kernel(out.data(), v.a.data(), v.b.data(), out.size() / type().bytes);
      EXPECT_TRUE(same(type(), op, v, reduce(type(), op, v), out)) << tables[t]->name;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::ValuesIn(kTypes),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Reduce, all_pairs_of_8_bits_follow_the_rule) {
  for (const tally_dtype dtype : {TALLY_I8, TALLY_U8, TALLY_BYTE}) {
    const Type& type = type_of(dtype);
    Vectors v{Bytes(65536), Bytes(65536)};
    for (std::size_t i = 0; i < 65536; ++i) {
      v.a[i] = static_cast<unsigned char>(i);
      v.b[i] = static_cast<unsigned char>(i >> 8);
    }
    for (const Op& op : kOps) {
      if (!exists(type, op.op)) continue;
      EXPECT_TRUE(same(type, op.op, v, reduce(type, op.op, v), expect(type, op.op, v)));
    }
  }
}

/// Each left operand of a 16-bit format with some right ones; from TALLY_EFFORT 20 on with all.
class SixteenBits : public testing::TestWithParam<tally_dtype> {};

TEST_P(SixteenBits, all_pairs_of_sum_and_prod_follow_the_rule) {
  const Type& type = type_of(GetParam());
  const unsigned step = effort() >= 20 ? 1 : 251;
  Vectors v{Bytes(2 * 65536), Bytes(2 * 65536)};
  for (unsigned b = step / 2; b < 65536; b += step) {
    for (unsigned i = 0; i < 65536; ++i) {
      const auto x = static_cast<std::uint16_t>(i), y = static_cast<std::uint16_t>(b);
      std::memcpy(&v.a[2 * i], &x, 2);
      std::memcpy(&v.b[2 * i], &y, 2);
    }
    for (const tally_op op : {TALLY_SUM, TALLY_PROD})
      ASSERT_TRUE(same(type, op, v, reduce(type, op, v), expect(type, op, v)));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, SixteenBits, testing::Values(TALLY_F16, TALLY_BF16),
                         [](const auto& test) { return std::string(type_of(test.param).name); });

TEST(Reduce, known_results_come_out_in_both_orders) {
  for (const Known& k : known_results()) {
    const Type& type = type_of(k.dtype);
    ASSERT_LE(type.bytes, 8u);
    for (const bool swap : {false, true}) {
      std::uint64_t r = 0, from_oracle = 0;
      const std::uint64_t& a = swap ? k.b : k.a;
      const std::uint64_t& b = swap ? k.a : k.b;
      numerics::reduce(k.dtype, k.op, &r, &a, &b, 1);
      oracle(k.dtype, k.op, &from_oracle, &a, &b, 1);
      EXPECT_EQ(r, k.result) << type.name << ": " << k.why;
      EXPECT_EQ(from_oracle, k.result) << type.name << ": " << k.why;
    }
  }
}

TEST(Reduce, element_sizes_are_those_of_the_types_and_0_for_unknown_ones) {
  for (const Type& type : kTypes) EXPECT_EQ(numerics::element_bytes(type.dtype), type.bytes) << type.name;
  for (const int unknown : {0, 21, 22, 31})
    EXPECT_EQ(numerics::element_bytes(static_cast<tally_dtype>(unknown)), 0u);
}

TEST(Reduce, exactly_the_pairs_of_the_table_reduce) {
  int pairs = 0;
  for (unsigned dtype = 0; dtype < 32; ++dtype) {
    for (unsigned op = 0; op < 16; ++op) {
      const bool want = exists(dtype, op);
      EXPECT_EQ(numerics::reduces(static_cast<tally_dtype>(dtype), static_cast<tally_op>(op)), want)
          << dtype << ' ' << op;
      pairs += want ? 1 : 0;
    }
  }
  EXPECT_EQ(pairs, 113);
}

TEST(Reduce, pairs_that_do_not_exist_give_the_first_operand) {
  const std::uint64_t seed = test::seed(kSeed);
  for (const Type& type : kTypes) {
    const Vectors v = draw(type, 33, seed);
    for (unsigned op = 0; op < 16; ++op) {
      if (exists(type, op)) continue;
      EXPECT_EQ(reduce(type, static_cast<tally_op>(op), v), v.a) << type.name << ' ' << op;
    }
  }
  // A type that does not exist leaves the result alone.
  const std::uint32_t a = 1, b = 2;
  std::uint32_t r = 3;
  numerics::reduce(static_cast<tally_dtype>(21), TALLY_SUM, &r, &a, &b, 1);
  EXPECT_EQ(r, 3u);
}

}  // namespace
}  // namespace tally::test
