// SPDX-License-Identifier: BSD-3-Clause
#include "mpi/datatype/pack.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "mpi_datatype/reference.hpp"

namespace tally {
namespace {

using namespace datatype;
using test::Both;
using test::Entry;
using test::Map;

constexpr std::uint64_t kCases = 6000;

using Bytes = std::vector<unsigned char>;

/// A buffer around the bytes that `count` of the map reach, and its address as MPI takes it.
struct Buffer {
  static constexpr Count kGuard = 16;
  Bytes bytes;
  unsigned char* address;

  Buffer(const Map& map, Count count, test::Random& random) {
    const test::Span span(map, count);
    bytes.resize(span.bytes() + 2 * kGuard);
    for (auto& b : bytes) b = static_cast<unsigned char>(random.below(256));
    address = bytes.data() + kGuard - span.low;
  }
};

Bytes naive_pack(const Map& map, Count count, const Buffer& buffer) {
  Bytes stream;
  for (const Entry& e : map.repeated(count)) {
    const unsigned char* from = buffer.address + e.displacement;
    stream.insert(stream.end(), from, from + test::basic_size(e.type));
  }
  return stream;
}

void naive_unpack(const Map& map, Count count, const Bytes& stream, Buffer& buffer) {
  const unsigned char* from = stream.data();
  for (const Entry& e : map.repeated(count)) {
    const auto n = static_cast<std::size_t>(test::basic_size(e.type));
    std::memcpy(buffer.address + e.displacement, from, n);
    from += n;
  }
}

bool overlaps(const Map& map, Count count) {
  std::vector<std::pair<Count, Count>> ranges;
  for (const Entry& e : map.repeated(count))
    ranges.emplace_back(e.displacement, e.displacement + test::basic_size(e.type));
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) return true;
  }
  return false;
}

Bytes random_bytes(std::size_t n, test::Random& random) {
  Bytes bytes(n);
  for (auto& b : bytes) b = static_cast<unsigned char>(random.below(256));
  return bytes;
}

TEST(DatatypePack, pack_of_random_types_takes_their_elements_in_order) {
  const std::uint64_t seed = test::seed(11);
  test::Random random(seed);
  std::uint64_t with_data = 0;
  for (std::uint64_t i = 0; i < kCases * test::effort(); ++i) {
    const Both both(seed * 1000003 + i);
    both.type->commit();
    const auto count = static_cast<Count>(random.below(5));
    const Buffer buffer(both.map, count, random);
    const Bytes expected = naive_pack(both.map, count, buffer);
    Bytes got(expected.size() + 8, 0x5a);
    pack(*both.type, buffer.address, count, 0, static_cast<Count>(expected.size()), got.data());
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), got.begin())) << both.text();
    for (std::size_t b = expected.size(); b < got.size(); ++b) ASSERT_EQ(got[b], 0x5a) << both.text();
    with_data += expected.empty() ? 0 : 1;
  }
  EXPECT_GT(with_data, kCases / 4);
}

TEST(DatatypePack, a_stream_packed_in_pieces_is_the_whole_stream) {
  const std::uint64_t seed = test::seed(12);
  test::Random random(seed);
  for (std::uint64_t i = 0; i < kCases * test::effort(); ++i) {
    const Both both(seed * 1000003 + i);
    both.type->commit();
    const auto count = static_cast<Count>(1 + random.below(4));
    const Buffer buffer(both.map, count, random);
    const Bytes expected = naive_pack(both.map, count, buffer);
    Bytes got(expected.size());
    const std::uint64_t longest = 1 + random.below(expected.size() / 2 + 8);
    for (std::size_t at = 0; at < got.size();) {
      const std::size_t n = std::min(got.size() - at, static_cast<std::size_t>(1 + random.below(longest)));
      pack(*both.type, buffer.address, count, static_cast<Count>(at), static_cast<Count>(n), got.data() + at);
      at += n;
    }
    ASSERT_EQ(got, expected) << both.text();
  }
}

TEST(DatatypePack, unpack_fills_the_elements_and_leaves_the_gaps) {
  const std::uint64_t seed = test::seed(13);
  test::Random random(seed);
  for (std::uint64_t i = 0; i < kCases * test::effort(); ++i) {
    const Both both(seed * 1000003 + i);
    both.type->commit();
    const auto count = static_cast<Count>(random.below(5));
    Buffer expected(both.map, count, random);
    Buffer got = expected;
    got.address = got.bytes.data() + (expected.address - expected.bytes.data());
    const Bytes stream = random_bytes(static_cast<std::size_t>(count * both.map.size()), random);
    naive_unpack(both.map, count, stream, expected);
    unpack(*both.type, got.address, count, 0, static_cast<Count>(stream.size()), stream.data());
    ASSERT_EQ(got.bytes, expected.bytes) << both.text();
  }
}

TEST(DatatypePack, pieces_may_arrive_in_any_order) {
  const std::uint64_t seed = test::seed(14);
  test::Random random(seed);
  for (std::uint64_t i = 0; i < kCases * test::effort(); ++i) {
    const Both both(seed * 1000003 + i);
    const auto count = static_cast<Count>(1 + random.below(3));
    if (overlaps(both.map, count)) continue;  // erroneous in a receive
    both.type->commit();
    Buffer expected(both.map, count, random);
    Buffer got = expected;
    got.address = got.bytes.data() + (expected.address - expected.bytes.data());
    const Bytes stream = random_bytes(static_cast<std::size_t>(count * both.map.size()), random);
    naive_unpack(both.map, count, stream, expected);
    const std::size_t piece = 1 + random.below(stream.size() / 3 + 5);
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < stream.size(); at += piece) starts.push_back(at);
    for (std::size_t s = starts.size(); s > 1; --s) std::swap(starts[s - 1], starts[random.below(s)]);
    for (const std::size_t at : starts) {
      unpack(*both.type, got.address, count, static_cast<Count>(at),
             static_cast<Count>(std::min(piece, stream.size() - at)), stream.data() + at);
    }
    ASSERT_EQ(got.bytes, expected.bytes) << both.text();
  }
}

TEST(DatatypePack, copy_between_types_moves_the_shorter_stream) {
  const std::uint64_t seed = test::seed(15);
  test::Random random(seed);
  for (std::uint64_t i = 0; i < kCases; ++i) {
    const Both from(seed * 1000003 + 2 * i);
    const Both to(seed * 1000003 + 2 * i + 1);
    from.type->commit();
    to.type->commit();
    const auto from_count = static_cast<Count>(random.below(4));
    const auto to_count = static_cast<Count>(random.below(4));
    const Buffer source(from.map, from_count, random);
    Buffer expected(to.map, to_count, random);
    Buffer got = expected;
    got.address = got.bytes.data() + (expected.address - expected.bytes.data());
    Bytes stream = naive_pack(from.map, from_count, source);
    Bytes whole = naive_pack(to.map, to_count, expected);
    if (overlaps(to.map, to_count)) continue;
    std::copy_n(stream.begin(), std::min(stream.size(), whole.size()), whole.begin());
    naive_unpack(to.map, to_count, whole, expected);
    copy(*from.type, source.address, from_count, *to.type, got.address, to_count);
    ASSERT_EQ(got.bytes, expected.bytes) << from.text() << " to " << to.text();
  }
}

/// Large types: through every loop of a move, in uneven pieces.
void expect_round_trip(const Ref& type, const Map& map, Count count) {
  test::Random random(99);
  type->commit();
  const Buffer buffer(map, count, random);
  const Bytes expected = naive_pack(map, count, buffer);
  Bytes got(expected.size());
  Count at = 0;
  for (Count n = 1; at < static_cast<Count>(got.size()); n = n * 3 + 1) {
    const Count now = std::min(n, static_cast<Count>(got.size()) - at);
    pack(*type, buffer.address, count, at, now, got.data() + at);
    at += now;
  }
  ASSERT_EQ(got, expected);
  std::fill(got.begin(), got.end(), static_cast<unsigned char>(0));
  pack(*type, buffer.address, count, 0, static_cast<Count>(got.size()), got.data());
  ASSERT_EQ(got, expected);
}

TEST(DatatypePack, blocks_of_every_length_move_right) {
  test::ReferenceMaker reference;
  const Map bytes = reference.named(Named::kByte);
  for (Count length = 1; length <= 80; ++length) {
    const Count stride = length + 3;
    expect_round_trip(hvector(37, length, stride, named(Named::kByte)),
                      reference.hvector(37, length, stride, bytes), 2);
  }
}

TEST(DatatypePack, long_lists_of_even_and_uneven_blocks_move_right) {
  test::ReferenceMaker reference;
  test::Random random(5);
  for (const int length : {1, 2, 3, 4}) {
    std::vector<int> displacements;
    std::vector<int> lengths;
    int at = 0;
    for (int i = 0; i < 500; ++i) {
      displacements.push_back(at);
      lengths.push_back(length + (i % 7 == 0 ? 1 : 0));
      at += length + 1 + static_cast<int>(random.below(4));
    }
    test::LibraryMaker library;
    for (const Named basic : {Named::kByte, Named::kInt, Named::kDouble, Named::kShortInt}) {
      const Map map = reference.named(basic);
      expect_round_trip(library.indexed_block(length, displacements, named(basic)),
                        reference.indexed_block(length, displacements, map), 2);
      expect_round_trip(library.indexed(lengths, displacements, named(basic)),
                        reference.indexed(lengths, displacements, map), 2);
    }
  }
}

TEST(DatatypePack, absolute_addresses_move_from_bottom) {
  std::vector<int> a(4);
  std::vector<double> b(3);
  std::iota(a.begin(), a.end(), 1);
  std::iota(b.begin(), b.end(), 10.0);
  const int lengths[] = {4, 3};
  const Count displacements[] = {static_cast<Count>(reinterpret_cast<std::intptr_t>(a.data())),
                                 static_cast<Count>(reinterpret_cast<std::intptr_t>(b.data()))};
  const Ref types[] = {named(Named::kInt), named(Named::kDouble)};
  const Ref type = structure(Integers(lengths), Integers(displacements), types);
  type->commit();
  Bytes stream(static_cast<std::size_t>(type->size()));
  pack(*type, nullptr, 1, 0, type->size(), stream.data());
  EXPECT_EQ(std::memcmp(stream.data(), a.data(), 16), 0);
  EXPECT_EQ(std::memcmp(stream.data() + 16, b.data(), 24), 0);
  std::fill(a.begin(), a.end(), 0);
  std::fill(b.begin(), b.end(), 0.0);
  unpack(*type, nullptr, 1, 0, type->size(), stream.data());
  EXPECT_EQ(a, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(b, (std::vector<double>{10, 11, 12}));
}

}  // namespace
}  // namespace tally
