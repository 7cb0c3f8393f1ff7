// SPDX-License-Identifier: BSD-3-Clause
// `tally run --pcap`: one capture a node, with the frames that passed between them.
#include <gtest/gtest.h>
#include <unistd.h>

#include "fabric/capture.hpp"
#include "launch/harness.hpp"

namespace tally::test {
namespace {

TEST(Capture, run_writes_what_each_node_sent_and_received) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  const std::string base = testing::TempDir() + "tally_launch_" + std::to_string(getpid());
  const auto outcome = tally({"run", "-n", "2", "--engine", "rtl", "--pcap", base + ".pcap", "--", TALLY_COUNTERS_PROGRAM});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (unsigned node = 0; node < 2; ++node) {
    const std::string path = base + ".node" + std::to_string(node) + ".pcap";
    const auto frames = sim::read_capture(path);
    EXPECT_FALSE(frames.empty()) << path;
    bool sent = false, received = false;
    for (const auto& one : frames) {
      ASSERT_GE(one.frame.size(), 62u);  // an acknowledgement
      sent = sent || one.frame[11] == node;
      received = received || one.frame[5] == node;
    }
    EXPECT_TRUE(sent && received) << path;
    unlink(path.c_str());
  }
}

}  // namespace
}  // namespace tally::test
