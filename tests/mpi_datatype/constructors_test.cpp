// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <climits>
#include <limits>

#include "mpi/datatype/pack.hpp"
#include "mpi_datatype/reference.hpp"

namespace tally {
namespace {

using namespace datatype;
using test::Both;
using test::Entry;
using test::kConstants;
using test::Map;

constexpr std::uint64_t kCases = 20000;

/// Segments of the map, neighbours merged.
std::vector<Segment> naive_segments(const std::vector<Entry>& entries) {
  std::vector<Segment> all;
  for (const Entry& e : entries) {
    const Count bytes = test::basic_size(e.type);
    if (!all.empty() && all.back().offset + all.back().length == e.displacement) {
      all.back().length += bytes;
    } else {
      all.push_back(Segment{e.displacement, bytes});
    }
  }
  return all;
}

TEST(DatatypeConstructors, random_types_have_the_properties_of_their_type_map) {
  const std::uint64_t seed = test::seed(1);
  for (std::uint64_t i = 0; i < kCases * test::effort(); ++i) {
    const Both both(seed * 1000003 + i);
    SCOPED_TRACE(both.text());
    const Type& type = *both.type;
    ASSERT_EQ(type.size(), both.map.size());
    ASSERT_EQ(type.lb(), both.map.lb);
    ASSERT_EQ(type.extent(), both.map.extent());
    ASSERT_EQ(type.true_lb(), both.map.true_lb());
    ASSERT_EQ(type.true_ub(), both.map.true_ub());
    ASSERT_EQ(type.elements(), static_cast<Count>(both.map.entries.size()));
    const auto one = naive_segments(both.map.entries);
    const auto three = naive_segments(both.map.repeated(3));
    ASSERT_EQ(type.one_block(), one.size() <= 1);
    ASSERT_EQ(type.contiguous(), three.size() <= 1 && (one.empty() || type.extent() == type.size()));
    bool same = true;
    for (const Entry& e : both.map.entries) same = same && e.type == both.map.entries.front().type;
    if (type.uniform() && type.uniform() != Named::kShortInt && type.uniform() != Named::kDoubleInt &&
        type.uniform() != Named::kLongInt && type.uniform() != Named::k2Int) {
      ASSERT_TRUE(same);
      ASSERT_EQ(*type.uniform(), both.map.entries.front().type);
    }
    ASSERT_FALSE(both.map.entries.empty() && type.uniform());
  }
}

TEST(DatatypeConstructors, signature_hashes_are_equal_for_equal_signatures_only) {
  const std::uint64_t seed = test::seed(2);
  std::vector<std::pair<std::vector<Named>, std::uint64_t>> known;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Both both(seed * 1000003 + i);
    for (const Count count : {1, 2, 5}) {
      std::vector<Named> signature;
      for (const Entry& e : both.map.repeated(count)) signature.push_back(e.type);
      known.emplace_back(signature, both.type->signature_hash(count));
    }
  }
  std::size_t equal = 0;
  for (std::size_t a = 0; a < known.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      ASSERT_EQ(known[a].first == known[b].first, known[a].second == known[b].second) << a << " " << b;
      equal += known[a].first == known[b].first && !known[a].first.empty() ? 1 : 0;
    }
  }
  EXPECT_GT(equal, 0u);
}

TEST(DatatypeConstructors, counts_of_received_bytes_are_those_of_the_type_map) {
  const std::uint64_t seed = test::seed(3);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const Both both(seed * 1000003 + i);
    const Type& type = *both.type;
    if (type.size() == 0) {
      EXPECT_EQ(get_count(type, 0), 0);
      EXPECT_EQ(get_count(type, 4), -1);
      EXPECT_EQ(get_elements(type, 0), 0);
      continue;
    }
    const auto entries = both.map.repeated(2);
    std::vector<Count> elements(static_cast<std::size_t>(2 * type.size()) + 1, -1);
    Count bytes = 0;
    elements[0] = 0;
    ASSERT_EQ(bytes_of_elements(type, 0), 0);
    for (std::size_t e = 0; e < entries.size(); ++e) {
      bytes += test::basic_size(entries[e].type);
      elements[static_cast<std::size_t>(bytes)] = static_cast<Count>(e) + 1;
      ASSERT_EQ(bytes_of_elements(type, static_cast<Count>(e) + 1), bytes);
    }
    for (Count b = 0; b <= 2 * type.size(); ++b) {
      ASSERT_EQ(get_elements(type, b), elements[static_cast<std::size_t>(b)]) << "bytes " << b;
      ASSERT_EQ(get_count(type, b), b % type.size() == 0 ? b / type.size() : -1);
    }
  }
}

TEST(DatatypeConstructors, flatten_gives_the_segments_of_the_type_map_in_any_pieces) {
  const std::uint64_t seed = test::seed(4);
  test::Random random(seed);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const Both both(seed * 1000003 + i);
    const Type& type = *both.type;
    type.commit();
    const auto count = static_cast<Count>(random.below(4));
    const auto expected = naive_segments(both.map.repeated(count));
    EXPECT_LE(static_cast<Count>(expected.size()), count * segments(type));
    std::vector<Segment> got;
    std::vector<Segment> piece(1 + random.below(4));
    for (Count at = 0; at < count * type.size();) {
      Count next = -1;
      const std::size_t n = flatten(type, count, at, piece, &next);
      ASSERT_GT(next, at);
      for (std::size_t s = 0; s < n; ++s) {
        if (!got.empty() && s == 0 && got.back().offset + got.back().length == piece[0].offset) {
          got.back().length += piece[0].length;
        } else {
          got.push_back(piece[s]);
        }
      }
      at = next;
    }
    ASSERT_EQ(got, expected) << both.text();
    // From the middle of a segment.
    if (!expected.empty()) {
      const Count skip =
          1 + static_cast<Count>(random.below(static_cast<std::uint64_t>(count * type.size())));
      std::vector<Segment> all(static_cast<std::size_t>(count * segments(type)));
      Count next = -1;
      const std::size_t n = flatten(type, count, skip, all, &next);
      Count bytes = 0;
      for (std::size_t s = 0; s < n; ++s) bytes += all[s].length;
      ASSERT_EQ(next, count * type.size());
      ASSERT_EQ(bytes, count * type.size() - skip);
    }
  }
}

TEST(DatatypeConstructors, markers_of_mpi1_set_the_bounds_of_a_struct) {
  const int lengths[] = {1, 1, 1};
  const Count displacements[] = {-3, 0, 6};
  const Ref types[] = {named(Named::kLb), named(Named::kInt), named(Named::kUb)};
  const Ref type = structure(Integers(lengths), Integers(displacements), types);
  EXPECT_EQ(type->lb(), -3);
  EXPECT_EQ(type->extent(), 9);
  EXPECT_EQ(type->size(), 4);
  EXPECT_EQ(type->true_extent(), 4);
  // MPI-1.1, 3.12.3: the markers are inherited.
  const Ref two = contiguous(2, type);
  EXPECT_EQ(two->lb(), -3);
  EXPECT_EQ(two->extent(), 18);
}

TEST(DatatypeConstructors, a_struct_is_padded_to_its_alignment) {
  const int lengths[] = {1, 1};
  const Count displacements[] = {0, 8};
  const Ref types[] = {named(Named::kDouble), named(Named::kChar)};
  const Ref type = structure(Integers(lengths), Integers(displacements), types);
  EXPECT_EQ(type->extent(), 16);
  EXPECT_EQ(type->true_extent(), 9);
  EXPECT_EQ(type->alignment(), 8);
}

TEST(DatatypeConstructors, predefined_types_have_the_sizes_of_the_language) {
  const auto expect = [](Named type, Count size, Count extent) {
    EXPECT_EQ(named(type)->size(), size) << name(type);
    EXPECT_EQ(named(type)->extent(), extent) << name(type);
    EXPECT_TRUE(named(type)->committed()) << name(type);
  };
  expect(Named::kLongDouble, sizeof(long double), sizeof(long double));
  expect(Named::kWchar, sizeof(wchar_t), sizeof(wchar_t));
  expect(Named::kCLongDoubleComplex, 2 * sizeof(long double), 2 * sizeof(long double));
  expect(Named::kAint, 8, 8);
  expect(Named::kLogical, 4, 4);
  expect(Named::kInteger16, 16, 16);
  expect(Named::kReal2, 2, 2);
  expect(Named::kComplex32, 32, 32);
  expect(Named::kShortInt, 6, 8);
  expect(Named::kDoubleInt, 12, 16);
  expect(Named::kLongDoubleInt, 20, 32);
  expect(Named::k2DoublePrecision, 16, 16);
  expect(Named::k2DoubleComplex, 32, 32);
  expect(Named::kLb, 0, 0);
  EXPECT_EQ(name(Named::kUnsignedLongLong), "MPI_UNSIGNED_LONG_LONG");
}

TEST(DatatypeConstructors, counts_beyond_32_bits_are_exact) {
  const Count big = Count{1} << 33;
  const Ref type = vector(big, 2, 3, named(Named::kDouble), Form::kLarge);
  EXPECT_EQ(type->size(), big * 16);
  EXPECT_EQ(type->extent(), ((big - 1) * 3 + 2) * 8);
  EXPECT_EQ(type->elements(), big * 2);
  type->commit();
  std::vector<Segment> out(1);
  Count next = 0;
  ASSERT_EQ(flatten(*type, 1, (big - 1) * 16, out, &next), 1u);
  EXPECT_EQ(out[0], (Segment{(big - 1) * 24, 16}));
  EXPECT_EQ(get_elements(*type, big * 8), big);
}

template <class F>
Fault fault_of(F f, std::string* text = nullptr) {
  try {
    f();
  } catch (const Error& error) {
    if (text != nullptr) *text = error.what();
    return error.fault();
  }
  ADD_FAILURE() << "no error";
  return Fault::kUnsupported;
}

TEST(DatatypeConstructors, sizes_that_do_not_fit_64_bits_are_errors) {
  const Count max = std::numeric_limits<Count>::max();
  const Ref& type = named(Named::kInt);
  EXPECT_EQ(fault_of([&] { static_cast<void>(contiguous(max, type, Form::kLarge)); }), Fault::kArg);
  EXPECT_EQ(fault_of([&] { static_cast<void>(vector(max / 4, 2, 2, type, Form::kLarge)); }), Fault::kArg);
  EXPECT_EQ(fault_of([&] { static_cast<void>(hvector(3, 1, max / 2, type, Form::kLarge)); }), Fault::kArg);
  EXPECT_EQ(fault_of([&] { static_cast<void>(resized(type, max, 1)); }), Fault::kArg);
  const Count lengths[] = {1, 1};
  const Count displacements[] = {-max / 2 - 2, max / 2 + 2};
  EXPECT_EQ(fault_of([&] {
              static_cast<void>(hindexed(2, Integers(lengths), Integers(displacements), type, Form::kLarge));
            }),
            Fault::kArg);
}

TEST(DatatypeConstructors, bad_arguments_are_named) {
  const Ref& type = named(Named::kInt);
  std::string text;
  EXPECT_EQ(fault_of([&] { static_cast<void>(contiguous(-1, type)); }, &text), Fault::kCount);
  EXPECT_NE(text.find("count"), std::string::npos);
  EXPECT_EQ(fault_of([&] { static_cast<void>(vector(1, -2, 1, type)); }, &text), Fault::kArg);
  EXPECT_NE(text.find("blocklength"), std::string::npos);
  const int lengths[] = {1, -1};
  const int displacements[] = {0, 0};
  EXPECT_EQ(fault_of([&] { static_cast<void>(indexed(2, Integers(lengths), Integers(displacements), type)); },
                     &text),
            Fault::kArg);
  EXPECT_NE(text.find("array_of_blocklengths[1]"), std::string::npos);
  const int* nothing = nullptr;
  EXPECT_EQ(
      fault_of([&] { static_cast<void>(indexed(2, Integers(lengths), Integers(nothing), type)); }, &text),
      Fault::kArg);
  EXPECT_NE(text.find("array_of_displacements"), std::string::npos);
  EXPECT_EQ(fault_of([&] { static_cast<void>(dup(Ref())); }), Fault::kType);

  const int sizes[] = {4, 4};
  const int subsizes[] = {2, 3};
  const int starts[] = {0, 2};
  const auto sub = [&](int order) {
    static_cast<void>(
        subarray(2, Integers(sizes), Integers(subsizes), Integers(starts), order, type, kConstants));
  };
  EXPECT_EQ(fault_of([&] { sub(kConstants.order_c); }, &text), Fault::kArg);
  EXPECT_NE(text.find("array_of_starts[1]"), std::string::npos);
  EXPECT_EQ(fault_of([&] { sub(7); }, &text), Fault::kArg);
  EXPECT_NE(text.find("order"), std::string::npos);

  const int distribs[] = {kConstants.distribute_block, kConstants.distribute_block};
  const int dargs[] = {1, kConstants.distribute_dflt_darg};
  const int psizes[] = {2, 2};
  const auto dist = [&](int size, int rank) {
    static_cast<void>(darray(size, rank, 2, Integers(sizes), distribs, dargs, psizes, kConstants.order_c,
                             type, kConstants));
  };
  EXPECT_EQ(fault_of([&] { dist(4, 0); }, &text), Fault::kArg);
  EXPECT_NE(text.find("array_of_dargs[0]"), std::string::npos);
  EXPECT_EQ(fault_of([&] { dist(4, 4); }, &text), Fault::kArg);
  EXPECT_NE(text.find("rank"), std::string::npos);
}

TEST(DatatypeConstructors, an_old_type_lives_as_long_as_the_new_one) {
  Ref outer;
  {
    const Ref inner = vector(2, 1, 3, named(Named::kShort));
    outer = contiguous(2, inner);
  }
  outer->commit();
  EXPECT_EQ(outer->contents().types.at(0)->size(), 4);
  std::vector<Segment> out(static_cast<std::size_t>(segments(*outer)));
  Count next = 0;
  EXPECT_EQ(flatten(*outer, 1, 0, out, &next), 3u);  // 0; 6 and 8 are neighbours; 14
}

}  // namespace
}  // namespace tally
