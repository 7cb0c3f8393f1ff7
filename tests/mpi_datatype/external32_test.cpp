// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>

#include "mpi/datatype/pack.hpp"
#include "mpi_datatype/reference.hpp"

namespace tally {
namespace {

using namespace datatype;
using Bytes = std::vector<unsigned char>;

template <class T>
Bytes packed(const Ref& type, const T& value, Count count = 1) {
  Bytes out(static_cast<std::size_t>(count * external32_size(*type)));
  pack_external32(*type, &value, count, out.data());
  return out;
}

template <class T>
T unpacked(const Ref& type, const Bytes& bytes) {
  T value{};
  unpack_external32(*type, &value, 1, bytes.data());
  return value;
}

TEST(External32, sizes_are_those_of_the_table) {
  const auto expect = [](Named type, Count bytes) {
    EXPECT_EQ(external32_size(*named(type)), bytes) << name(type);
  };
  expect(Named::kPacked, 1);
  expect(Named::kByte, 1);
  expect(Named::kChar, 1);
  expect(Named::kUnsignedChar, 1);
  expect(Named::kSignedChar, 1);
  expect(Named::kWchar, 2);
  expect(Named::kShort, 2);
  expect(Named::kUnsignedShort, 2);
  expect(Named::kInt, 4);
  expect(Named::kUnsigned, 4);
  expect(Named::kLong, 4);
  expect(Named::kUnsignedLong, 4);
  expect(Named::kLongLong, 8);
  expect(Named::kUnsignedLongLong, 8);
  expect(Named::kFloat, 4);
  expect(Named::kDouble, 8);
  expect(Named::kLongDouble, 16);
  expect(Named::kCBool, 1);
  expect(Named::kInt8, 1);
  expect(Named::kInt16, 2);
  expect(Named::kInt32, 4);
  expect(Named::kInt64, 8);
  expect(Named::kUint64, 8);
  expect(Named::kAint, 8);
  expect(Named::kCount, 8);
  expect(Named::kOffset, 8);
  expect(Named::kCFloatComplex, 8);
  expect(Named::kCDoubleComplex, 16);
  expect(Named::kCLongDoubleComplex, 32);
  expect(Named::kCharacter, 1);
  expect(Named::kLogical, 4);
  expect(Named::kInteger, 4);
  expect(Named::kReal, 4);
  expect(Named::kDoublePrecision, 8);
  expect(Named::kComplex, 8);
  expect(Named::kDoubleComplex, 16);
  expect(Named::kCxxBool, 1);
  expect(Named::kInteger16, 16);
  expect(Named::kReal2, 2);
  expect(Named::kReal16, 16);
  expect(Named::kComplex32, 32);
  expect(Named::kLongInt, 8);
  expect(Named::kLongDoubleInt, 20);
}

TEST(External32, integers_are_big_endian) {
  EXPECT_EQ(packed(named(Named::kShort), short{0x0102}), (Bytes{1, 2}));
  EXPECT_EQ(packed(named(Named::kInt), -2), (Bytes{0xff, 0xff, 0xff, 0xfe}));
  EXPECT_EQ(packed(named(Named::kInt64), std::int64_t{0x0102030405060708}), (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(packed(named(Named::kChar), 'A'), (Bytes{0x41}));
  __extension__ using Wide = __int128;
  EXPECT_EQ(packed(named(Named::kInteger16), static_cast<Wide>(-2)),
            (Bytes{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254}));
}

TEST(External32, long_takes_four_bytes_and_comes_back_with_its_sign) {
  EXPECT_EQ(packed(named(Named::kLong), -2L), (Bytes{0xff, 0xff, 0xff, 0xfe}));
  EXPECT_EQ(packed(named(Named::kLong), 0x123456789L), (Bytes{0x23, 0x45, 0x67, 0x89}));
  EXPECT_EQ(unpacked<long>(named(Named::kLong), {0xff, 0xff, 0xff, 0xfe}), -2L);
  EXPECT_EQ(unpacked<long>(named(Named::kLong), {0x7f, 0xff, 0xff, 0xfe}), 0x7ffffffeL);
  EXPECT_EQ(unpacked<unsigned long>(named(Named::kUnsignedLong), {0xff, 0xff, 0xff, 0xfe}), 0xfffffffeUL);
}

TEST(External32, wide_characters_take_two_bytes) {
  EXPECT_EQ(packed(named(Named::kWchar), L'\x20ac'), (Bytes{0x20, 0xac}));
  EXPECT_EQ(unpacked<wchar_t>(named(Named::kWchar), {0x20, 0xac}), L'\x20ac');
}

TEST(External32, true_is_one) {
  EXPECT_EQ(packed(named(Named::kLogical), std::int32_t{-1}), (Bytes{0, 0, 0, 1}));
  EXPECT_EQ(packed(named(Named::kCBool), true), (Bytes{1}));
  EXPECT_EQ(packed(named(Named::kLogical8), std::int64_t{0}), (Bytes{0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(unpacked<std::int32_t>(named(Named::kLogical), {1, 0, 0, 0}), 1);
}

TEST(External32, floating_point_is_ieee_754) {
  EXPECT_EQ(packed(named(Named::kFloat), 1.0f), (Bytes{0x3f, 0x80, 0, 0}));
  EXPECT_EQ(packed(named(Named::kDouble), -2.0), (Bytes{0xc0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(packed(named(Named::kCFloatComplex), std::complex<float>(1, -2)),
            (Bytes{0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}));
}

Bytes quad(std::initializer_list<int> head) {
  Bytes bytes(16, 0);
  std::size_t i = 0;
  for (const int b : head) bytes[i++] = static_cast<unsigned char>(b);
  return bytes;
}

TEST(External32, long_double_is_binary128) {
  const Ref& type = named(Named::kLongDouble);
  EXPECT_EQ(packed(type, 1.0L), quad({0x3f, 0xff}));
  EXPECT_EQ(packed(type, -2.0L), quad({0xc0, 0x00}));
  EXPECT_EQ(packed(type, 1.5L), quad({0x3f, 0xff, 0x80}));
  EXPECT_EQ(packed(type, 3.0L), quad({0x40, 0x00, 0x80}));
  EXPECT_EQ(packed(type, 0.0L), quad({}));
  EXPECT_EQ(packed(type, -0.0L), quad({0x80}));
  EXPECT_EQ(packed(type, std::numeric_limits<long double>::infinity()), quad({0x7f, 0xff}));
  EXPECT_EQ(packed(type, std::numeric_limits<long double>::quiet_NaN()), quad({0x7f, 0xff, 0x80}));
}

TEST(External32, long_doubles_come_back_as_they_went) {
  const Ref& type = named(Named::kLongDouble);
  using Limits = std::numeric_limits<long double>;
  test::Random random(test::seed(21));
  std::vector<long double> values = {0.0L,
                                     -0.0L,
                                     1.0L / 3,
                                     Limits::max(),
                                     Limits::lowest(),
                                     Limits::min(),
                                     Limits::denorm_min(),
                                     Limits::infinity(),
                                     Limits::epsilon()};
  for (int i = 0; i < 10000; ++i) {
    values.push_back(
        std::ldexp(static_cast<long double>(random.next()), static_cast<int>(random.below(32000)) - 16400));
  }
  for (const long double value : values) {
    const auto back = unpacked<long double>(type, packed(type, value));
    ASSERT_EQ(back, value);
    ASSERT_EQ(std::signbit(back), std::signbit(value));
  }
  EXPECT_TRUE(std::isnan(unpacked<long double>(type, packed(type, Limits::quiet_NaN()))));
}

#if defined(__SIZEOF_FLOAT128__)
__extension__ using Float128 = __float128;

TEST(External32, binary128_is_rounded_to_long_double_as_the_compiler_rounds) {
  const Ref& type = named(Named::kLongDouble);
  test::Random random(test::seed(22));
  for (int i = 0; i < 200000; ++i) {
    __extension__ using Bits = unsigned __int128;
    Bits bits = static_cast<Bits>(random.next()) << 64 | random.next();
    // Ties and carries, small exponents and large ones.
    if (i % 3 == 0) bits = bits >> 49 << 49 | static_cast<Bits>(1) << 48;
    if (i % 5 == 0) bits |= static_cast<Bits>(0x7fffffffffffffff) << 49;
    if (i % 7 == 0) bits &= ~(static_cast<Bits>(0x7fff) << 112);
    Float128 value;
    std::memcpy(&value, &bits, sizeof value);
    if (value != value) continue;
    Bytes big(16);
    for (std::size_t b = 0; b < 16; ++b) big[15 - b] = static_cast<unsigned char>(bits >> (8 * b));
    const auto got = unpacked<long double>(type, big);
    const auto expected = static_cast<long double>(value);
    ASSERT_EQ(got, expected) << i;
    ASSERT_EQ(std::signbit(got), std::signbit(expected)) << i;
  }
}
#endif

TEST(External32, random_types_are_the_swapped_elements_of_their_type_map) {
  const std::uint64_t seed = test::seed(23);
  test::Random random(seed);
  for (std::uint64_t i = 0; i < 4000 * test::effort(); ++i) {
    const test::Both both(seed * 1000003 + i);
    const auto count = static_cast<Count>(random.below(4));
    const test::Span span(both.map, count);
    Bytes buffer(span.bytes());
    for (auto& b : buffer) b = static_cast<unsigned char>(random.below(256));
    unsigned char* address = buffer.data() - span.low;
    Bytes expected;
    bool skip = false;
    for (const test::Entry& e : both.map.repeated(count)) {
      Count bytes = test::basic_size(e.type);
      const unsigned char* from = address + e.displacement;
      skip = skip || e.type == Named::kLongDouble;  // the tests above
      if (e.type == Named::kLong) bytes = 4;
      const int parts = e.type == Named::kCDoubleComplex ? 2 : 1;
      bytes /= parts;
      for (int part = 0; part < parts; ++part) {
        for (Count b = bytes - 1; b >= 0; --b) expected.push_back(from[part * bytes + b]);
      }
    }
    if (skip) continue;
    ASSERT_EQ(count * external32_size(*both.type), static_cast<Count>(expected.size()));
    Bytes got(expected.size());
    pack_external32(*both.type, address, count, got.data());
    ASSERT_EQ(got, expected) << both.text();

    // Back: gaps untouched, and the same stream again where no element lies on another one.
    Bytes back(buffer.size(), 0x77);
    Bytes marks(buffer.size(), 0);
    bool overlaps = false;
    unpack_external32(*both.type, back.data() - span.low, count, got.data());
    for (const test::Entry& e : both.map.repeated(count)) {
      for (Count b = 0; b < test::basic_size(e.type); ++b) {
        auto& mark = marks[static_cast<std::size_t>(e.displacement + b - span.low)];
        overlaps = overlaps || mark != 0;
        mark = 1;
      }
    }
    for (std::size_t b = 0; b < back.size(); ++b) {
      ASSERT_TRUE(marks[b] != 0 || back[b] == 0x77) << both.text() << " byte " << b;
    }
    Bytes again(expected.size());
    pack_external32(*both.type, back.data() - span.low, count, again.data());
    ASSERT_TRUE(overlaps || again == expected) << both.text();
  }
}

}  // namespace
}  // namespace tally
