// SPDX-License-Identifier: BSD-3-Clause
// What MPI_Type_get_envelope and MPI_Type_get_contents (and their _c forms) return: MPI 5.0, 5.1.13.
#include <gtest/gtest.h>

#include "mpi_datatype/reference.hpp"

namespace tally {
namespace {

using namespace datatype;
using test::kConstants;
using Ints = std::vector<int>;
using Counts = std::vector<Count>;

void expect(const Ref& type, Combiner combiner, const Ints& integers, const Counts& addresses,
            const Counts& large, const std::vector<Ref>& types) {
  EXPECT_EQ(type->combiner(), combiner);
  const Contents& c = type->contents();
  EXPECT_EQ(c.integers, integers);
  EXPECT_EQ(c.addresses, addresses);
  EXPECT_EQ(c.large_counts, large);
  ASSERT_EQ(c.types.size(), types.size());
  for (std::size_t i = 0; i < types.size(); ++i) EXPECT_EQ(c.types[i].get(), types[i].get());
  EXPECT_EQ(type->needs_large_contents(), !large.empty());
  EXPECT_FALSE(type->predefined());
}

const Ref& kInt = named(Named::kInt);
constexpr int kLengths[] = {2, 0, 1};
constexpr int kPlaces[] = {5, 9, -1};
constexpr Count kWideLengths[] = {2, 0, 1};
constexpr Count kWidePlaces[] = {5, 9, -1};

TEST(DatatypeContents, small_forms_have_integers_and_addresses) {
  const Integers lengths(kLengths), places(kPlaces), bytes(kWidePlaces);
  expect(dup(kInt), Combiner::kDup, {}, {}, {}, {kInt});
  expect(contiguous(3, kInt), Combiner::kContiguous, {3}, {}, {}, {kInt});
  expect(vector(3, 2, -4, kInt), Combiner::kVector, {3, 2, -4}, {}, {}, {kInt});
  expect(hvector(3, 2, -4, kInt), Combiner::kHvector, {3, 2}, {-4}, {}, {kInt});
  expect(indexed(3, lengths, places, kInt), Combiner::kIndexed, {3, 2, 0, 1, 5, 9, -1}, {}, {}, {kInt});
  expect(hindexed(3, lengths, bytes, kInt), Combiner::kHindexed, {3, 2, 0, 1}, {5, 9, -1}, {}, {kInt});
  expect(indexed_block(3, 2, places, kInt), Combiner::kIndexedBlock, {3, 2, 5, 9, -1}, {}, {}, {kInt});
  expect(hindexed_block(3, 2, bytes, kInt), Combiner::kHindexedBlock, {3, 2}, {5, 9, -1}, {}, {kInt});
  expect(resized(kInt, -3, 12), Combiner::kResized, {}, {-3, 12}, {}, {kInt});
  const std::vector<Ref> types = {kInt, named(Named::kDouble), named(Named::kChar)};
  expect(structure(lengths, bytes, types), Combiner::kStruct, {3, 2, 0, 1}, {5, 9, -1}, {}, types);
}

TEST(DatatypeContents, large_forms_have_large_counts) {
  const Integers lengths(kWideLengths), places(kWidePlaces);
  const Form large = Form::kLarge;
  expect(contiguous(3, kInt, large), Combiner::kContiguous, {}, {}, {3}, {kInt});
  expect(vector(3, 2, -4, kInt, large), Combiner::kVector, {}, {}, {3, 2, -4}, {kInt});
  expect(hvector(3, 2, -4, kInt, large), Combiner::kHvector, {}, {}, {3, 2, -4}, {kInt});
  expect(indexed(3, lengths, places, kInt, large), Combiner::kIndexed, {}, {}, {3, 2, 0, 1, 5, 9, -1},
         {kInt});
  expect(hindexed(3, lengths, places, kInt, large), Combiner::kHindexed, {}, {}, {3, 2, 0, 1, 5, 9, -1},
         {kInt});
  expect(indexed_block(3, 2, places, kInt, large), Combiner::kIndexedBlock, {}, {}, {3, 2, 5, 9, -1}, {kInt});
  expect(hindexed_block(3, 2, places, kInt, large), Combiner::kHindexedBlock, {}, {}, {3, 2, 5, 9, -1},
         {kInt});
  expect(resized(kInt, -3, 12, large), Combiner::kResized, {}, {}, {-3, 12}, {kInt});
  const std::vector<Ref> types = {kInt, named(Named::kDouble), named(Named::kChar)};
  expect(structure(lengths, places, types, large), Combiner::kStruct, {}, {}, {3, 2, 0, 1, 5, 9, -1}, types);
}

TEST(DatatypeContents, arrays_give_back_the_constants_that_came) {
  const int sizes[] = {6, 5};
  const int subsizes[] = {2, 3};
  const int starts[] = {1, 2};
  expect(subarray(2, Integers(sizes), Integers(subsizes), Integers(starts), 102, kInt, kConstants),
         Combiner::kSubarray, {2, 6, 5, 2, 3, 1, 2, 102}, {}, {}, {kInt});
  const Count wide_sizes[] = {6, 5};
  const Count wide_subsizes[] = {2, 3};
  const Count wide_starts[] = {1, 2};
  expect(subarray(2, Integers(wide_sizes), Integers(wide_subsizes), Integers(wide_starts), 102, kInt,
                  kConstants, Form::kLarge),
         Combiner::kSubarray, {2, 102}, {}, {6, 5, 2, 3, 1, 2}, {kInt});

  const int distribs[] = {201, 202};
  const int dargs[] = {kConstants.distribute_dflt_darg, 2};
  const int psizes[] = {2, 3};
  expect(darray(6, 4, 2, Integers(sizes), distribs, dargs, psizes, 101, kInt, kConstants), Combiner::kDarray,
         {6, 4, 2, 6, 5, 201, 202, -77, 2, 2, 3, 101}, {}, {}, {kInt});
  expect(darray(6, 4, 2, Integers(wide_sizes), distribs, dargs, psizes, 101, kInt, kConstants, Form::kLarge),
         Combiner::kDarray, {6, 4, 2, 201, 202, -77, 2, 2, 3, 101}, {}, {6, 5}, {kInt});
}

TEST(DatatypeContents, predefined_types_are_named_and_have_no_contents) {
  EXPECT_EQ(kInt->combiner(), Combiner::kNamed);
  EXPECT_TRUE(kInt->predefined());
  EXPECT_TRUE(kInt->contents().types.empty());
}

TEST(DatatypeContents, fortran_kinds_are_predefined_and_the_same_each_time) {
  constexpr int kUndefined = -32766;
  const Ref real = f90_real(6, 37, kUndefined);
  EXPECT_EQ(real->combiner(), Combiner::kF90Real);
  EXPECT_EQ(real->contents().integers, (Ints{6, 37}));
  EXPECT_EQ(real->size(), 4);
  EXPECT_TRUE(real->predefined());
  EXPECT_TRUE(real->committed());
  EXPECT_EQ(f90_real(6, 37, kUndefined).get(), real.get());
  EXPECT_EQ(f90_real(15, kUndefined, kUndefined)->size(), 8);
  EXPECT_EQ(f90_real(kUndefined, 300, kUndefined)->size(), 8);
  EXPECT_EQ(f90_real(20, 10, kUndefined)->uniform(), Named::kReal16);
  EXPECT_EQ(f90_complex(15, 307, kUndefined)->size(), 16);
  EXPECT_EQ(f90_integer(2)->size(), 1);
  EXPECT_EQ(f90_integer(3)->size(), 2);
  EXPECT_EQ(f90_integer(9)->size(), 4);
  EXPECT_EQ(f90_integer(10)->size(), 8);
  EXPECT_EQ(f90_integer(19)->size(), 16);
  EXPECT_EQ(f90_integer(9)->contents().integers, (Ints{9}));
  EXPECT_THROW(static_cast<void>(f90_integer(39)), Error);
  EXPECT_THROW(static_cast<void>(f90_real(34, 37, kUndefined)), Error);
  EXPECT_THROW(static_cast<void>(f90_real(kUndefined, kUndefined, kUndefined)), Error);
}

TEST(DatatypeContents, match_size_finds_the_fortran_type) {
  EXPECT_EQ(match_size(TypeClass::kReal, 4), Named::kReal4);
  EXPECT_EQ(match_size(TypeClass::kReal, 16), Named::kReal16);
  EXPECT_EQ(match_size(TypeClass::kInteger, 1), Named::kInteger1);
  EXPECT_EQ(match_size(TypeClass::kComplex, 8), Named::kComplex8);
  EXPECT_THROW(static_cast<void>(match_size(TypeClass::kReal, 5)), Error);
}

TEST(DatatypeContents, value_index_finds_the_predefined_pair) {
  EXPECT_EQ(value_index(*named(Named::kFloat), *kInt).get(), named(Named::kFloatInt).get());
  EXPECT_EQ(value_index(*kInt, *kInt).get(), named(Named::k2Int).get());
  EXPECT_EQ(value_index(*named(Named::kReal), *named(Named::kReal)).get(), named(Named::k2Real).get());
  EXPECT_FALSE(value_index(*named(Named::kFloat), *named(Named::kChar)));
}

TEST(DatatypeContents, a_duplicate_is_committed_as_its_original) {
  const Ref type = contiguous(2, kInt);
  EXPECT_FALSE(dup(type)->committed());
  type->commit();
  EXPECT_TRUE(dup(type)->committed());
}

}  // namespace
}  // namespace tally
