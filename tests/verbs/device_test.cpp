// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "drivers/verbs/device.hpp"
#include "drivers/verbs/registrations.hpp"
#include "verbs/double.hpp"

namespace tally::test {
namespace {

using testing::HasSubstr;
using verbs::Choice;
using verbs::Device;

std::string refusal(const Choice& choice) {
  try {
    const Device device(double_library(), choice);
    return "opened " + device.name();
  } catch (const verbs::Error& error) {
    return error.what();
  }
}

TEST(VerbsDevice, ranks_take_the_active_ports_in_turn) {
  double_reset();
  double_add_device("dbl0");
  DoubleLimits down;
  down.state = IBV_PORT_DOWN;
  double_add_device("dbl1", down);
  double_add_device("dbl2");
  EXPECT_EQ(refusal({"", 0, -1, 0}), "opened dbl0:1");
  EXPECT_EQ(refusal({"", 0, -1, 1}), "opened dbl2:1");
  EXPECT_EQ(refusal({"", 0, -1, 2}), "opened dbl0:1");
}

TEST(VerbsDevice, refusals_name_what_there_is) {
  double_reset();
  EXPECT_THAT(refusal({}), HasSubstr("this host has no RDMA device"));
  DoubleLimits down;
  down.state = IBV_PORT_DOWN;
  double_add_device("dbl1", down);
  EXPECT_THAT(refusal({}), HasSubstr("no active RDMA port; this host has dbl1:1 (down)"));
  EXPECT_THAT(refusal({"mlx9", 0, -1, 0}), HasSubstr("TALLY_VERBS_DEVICE: no usable port 'mlx9'"));
  EXPECT_THAT(refusal({"dbl1", 3, -1, 0}), HasSubstr("'dbl1:3'"));
  EXPECT_THAT(refusal({"dbl1", 1, -1, 0}), HasSubstr("device dbl1:1: the port is down"));
}

TEST(VerbsDevice, gid_is_roce_version_2_with_an_ipv4_address) {
  double_reset();
  double_add_device("dbl0");
  const Device device(double_library(), {});
  EXPECT_EQ(device.address().gid.raw[12], 10);
  EXPECT_EQ(device.way_to(device.address()).grh.sgid_index, 2);
  const Device other(double_library(), {"dbl0", 0, 1, 0});
  EXPECT_EQ(other.way_to(other.address()).grh.sgid_index, 1);
  EXPECT_THAT(refusal({"", 0, 3, 0}), HasSubstr("TALLY_VERBS_GID: device dbl0:1 has no GID 3"));
  EXPECT_THAT(refusal({"", 0, 9, 0}), HasSubstr("TALLY_VERBS_GID: 9 is out of range"));
}

TEST(VerbsDevice, infiniband_is_addressed_without_a_gid) {
  double_reset();
  DoubleLimits limits;
  limits.infiniband = true;
  double_add_device("dbl0", limits);
  const Device device(double_library(), {});
  EXPECT_EQ(device.way_to(device.address()).is_global, 0);
  EXPECT_EQ(device.way_to(device.address()).dlid, 1);
}

TEST(VerbsDevice, queues_that_are_too_small_are_told) {
  double_reset();
  DoubleLimits limits;
  limits.max_cqe = 10;
  limits.max_srq_wr = 10;
  double_add_device("dbl0", limits);
  const Device device(double_library(), {});
  EXPECT_THROW((void)device.create_queue(11, nullptr), verbs::Error);
  EXPECT_THROW((void)device.create_shared_receive_queue(11), verbs::Error);
}

struct Variable {
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  const char* name_;
};

std::string complaint() {
  try {
    (void)verbs::choice_of_environment();
    (void)verbs::keep_of_environment();
    return "";
  } catch (const verbs::Error& error) {
    return error.what();
  }
}

TEST(VerbsDevice, variables_are_read_and_refused_by_name) {
  {
    const Variable device("TALLY_VERBS_DEVICE", "mlx5_0:2");
    const Variable gid("TALLY_VERBS_GID", "3");
    const Choice choice = verbs::choice_of_environment();
    EXPECT_EQ(choice.device, "mlx5_0");
    EXPECT_EQ(choice.port, 2u);
    EXPECT_EQ(choice.gid, 3);
  }
  for (const char* bad : {"mlx5_0:x", "mlx5_0:", "mlx5_0:0", "mlx5_0:999"}) {
    const Variable device("TALLY_VERBS_DEVICE", bad);
    EXPECT_THAT(complaint(), HasSubstr("TALLY_VERBS_DEVICE")) << bad;
  }
  {
    const Variable gid("TALLY_VERBS_GID", "-1");
    EXPECT_THAT(complaint(), HasSubstr("TALLY_VERBS_GID"));
  }
  const Variable keep("TALLY_VERBS_REGISTRATIONS", "always");
  EXPECT_THAT(complaint(), HasSubstr("TALLY_VERBS_REGISTRATIONS: 'always'"));
}

}  // namespace
}  // namespace tally::test
