// SPDX-License-Identifier: BSD-3-Clause
// The same random datatypes in Debian's Open MPI: sizes, bounds and packed bytes.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <string>

#include "mpi/datatype/pack.hpp"
#include "mpi_datatype/checksum.hpp"
#include "mpi_datatype/describe.hpp"
#include "mpi_datatype/reference.hpp"

namespace tally {
namespace {

using namespace datatype;

/// Notes where Open MPI 4.1 differs from the standard. It counts the place of a struct's member that has no
/// elements in the struct's bounds; pads a struct after each member, so that one whose lower bound is not
/// aligned may leave more padding than the whole needs; and takes a vector of stride -1 of single bytes for
/// one without gaps.
struct NotingMaker : test::LibraryMaker {
  bool differs = false;
  T structure(const std::vector<int>& lengths, const std::vector<int>& displacements,
              const std::vector<T>& types) {
    const T made = LibraryMaker::structure(lengths, displacements, types);
    for (std::size_t i = 0; i < types.size(); ++i) {
      differs =
          differs || types[i]->size() == 0 || (displacements[i] + types[i]->lb()) % made->alignment() != 0;
    }
    return made;
  }
  T vector(Count count, Count length, Count stride, const T& old) {
    differs = differs || (stride == -1 && old->size() == 1 && old->extent() == 1);
    return LibraryMaker::vector(count, length, stride, old);
  }
};

TEST(DatatypeOpenMpi, random_types_are_those_of_open_mpi) {
  const std::uint64_t seed = test::seed(41);
  const std::uint64_t cases = 20000 * test::effort();
  const std::string command = std::string(OPENMPI_RUN) + " " + OPENMPI_TYPES + " " + std::to_string(seed) +
                              " " + std::to_string(cases);
  std::FILE* output = popen(command.c_str(), "r");
  ASSERT_NE(output, nullptr);
  char line[512];
  std::uint64_t compared = 0;
  for (std::uint64_t i = 0; i < cases; ++i) {
    ASSERT_NE(std::fgets(line, sizeof line, output), nullptr)
        << command << ": ended at case " << i << ": "
        << test::describe(test::case_seed(seed, i), test::kAligned);
    test::Random random(test::case_seed(seed, i));
    NotingMaker maker;
    const int depth = static_cast<int>(random.below(4));
    const Ref type = test::RandomTypes<NotingMaker>(random, maker, test::kAligned).type(depth);
    type->commit();
    std::uint64_t sum = 0;
    if (type->size() == 0 || maker.differs || std::string(line) == "refused\n") continue;
    test::Pattern pattern(type->true_lb(), type->true_ub(), type->extent());
    std::vector<unsigned char> stream(2 * static_cast<std::size_t>(type->size()));
    pack(*type, pattern.address(), 2, 0, static_cast<Count>(stream.size()), stream.data());
    sum = test::checksum(stream);
    char expected[512];
    std::snprintf(expected, sizeof expected,
                  "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIx64 "\n", type->size(),
                  type->lb(), type->extent(), type->true_lb(), type->true_extent(), sum);
    EXPECT_STREQ(line, expected) << "case " << i << ": "
                                 << test::describe(test::case_seed(seed, i), test::kAligned);
    ++compared;
  }
  EXPECT_EQ(pclose(output), 0);
  std::printf("compared %" PRIu64 " of %" PRIu64 " types\n", compared, cases);
  EXPECT_GT(compared, cases / 4);
}

}  // namespace
}  // namespace tally
