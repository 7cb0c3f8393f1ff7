// SPDX-License-Identifier: BSD-3-Clause
// Every constant, handle and size of the installed header of Open MPI 4 is that of the header our library is built with.
#include <gtest/gtest.h>

#include <string>
#include <vector>

struct value {
  const char* name;
  long long number;
};
extern "C" int values_of_ours(value* out);
extern "C" int values_of_theirs(value* out);

namespace {

TEST(OpenMpiAbi, every_constant_and_size_is_that_of_the_installed_header) {
  std::vector<value> ours(1000);
  std::vector<value> theirs(1000);
  const int count = values_of_ours(ours.data());
  ASSERT_EQ(values_of_theirs(theirs.data()), count);
  ASSERT_GT(count, 300);
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    ASSERT_EQ(std::string(ours[at].name), theirs[at].name);
    EXPECT_EQ(ours[at].number, theirs[at].number) << ours[at].name;
  }
}

}  // namespace
