// SPDX-License-Identifier: BSD-3-Clause
// Two hosts as far as the network goes: network namespaces with a link between them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "cluster/pmi_server.hpp"
#include "cluster/processes.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;

/// Namespaces a and b of this process, joined by a pair of virtual interfaces; removed at the end.
class TwoHosts {
 public:
  TwoHosts() {
    const std::string own = std::to_string(::getpid());
    for (const char* side : {"a", "b"}) names_.push_back("tally" + own + side);
    works_ = ip({"netns", "add", names_[0]}) && ip({"netns", "add", names_[1]}) &&
             ip({"-n", names_[0], "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns",
                 names_[1]});
    for (int side = 0; side < 2 && works_; ++side) {
      works_ = ip({"-n", names_[static_cast<std::size_t>(side)], "address", "add",
                   fmt::format("10.77.0.{}/24", side + 1), "dev", "cable"}) &&
               ip({"-n", names_[static_cast<std::size_t>(side)], "link", "set", "cable", "up"}) &&
               ip({"-n", names_[static_cast<std::size_t>(side)], "link", "set", "lo", "up"});
    }
    // The kernel takes a moment to see that the other end is up; until then there is no address to be used.
    for (int tries = 0; works_ && !carrier(); ++tries) {
      std::this_thread::sleep_for(50ms);
      works_ = tries < 200;
    }
  }
  TwoHosts(const TwoHosts&) = delete;
  TwoHosts& operator=(const TwoHosts&) = delete;
  ~TwoHosts() {
    for (const std::string& name : names_) (void)ip({"netns", "delete", name});
  }
  [[nodiscard]] bool works() const noexcept { return works_; }
  [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }
  /// The program as it is started on host 0 or 1.
  [[nodiscard]] std::vector<std::string> on(int host, const std::vector<std::string>& program) const {
    std::vector<std::string> all{"ip", "netns", "exec", names_[static_cast<std::size_t>(host)]};
    all.insert(all.end(), program.begin(), program.end());
    return all;
  }
  /// Delay and loss on the link, both ways; false where the kernel has no such thing.
  [[nodiscard]] bool impair(const std::string& delay, const std::string& loss) {
    for (int host = 0; host < 2; ++host) {
      const Outcome outcome = run(
          on(host, {"tc", "qdisc", "add", "dev", "cable", "root", "netem", "delay", delay, "loss", loss}));
      if (outcome.code == 0) continue;
      why_not_ = outcome.output;
      return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool carrier() const {
    return std::all_of(names_.begin(), names_.end(), [](const std::string& name) {
      return run({"ip", "-n", name, "link", "show", "cable"}).output.find("state UP") != std::string::npos;
    });
  }
  bool ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ip");
    const Outcome outcome = run(std::move(arguments));
    if (outcome.code != 0) why_not_ = outcome.output;
    return outcome.code == 0;
  }
  std::vector<std::string> names_;
  bool works_ = false;
  std::string why_not_;
};

class Namespaces : public testing::Test {
 protected:
  void SetUp() override {
#ifndef TALLY_TEST_OFI
    GTEST_SKIP() << "built without libfabric";
#endif
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces are root's to make";
    if (!hosts_.works()) GTEST_SKIP() << "no network namespaces here: " << hosts_.why_not();
  }
  /// Ranks on both hosts in turn; each has done its part.
  void expect_exchange(int ranks, const std::vector<std::string>& program) {
    PmiServer server(ranks, 1);
    std::vector<Process> processes;
    for (int rank = 0; rank < ranks; ++rank) {
      processes.push_back(server.start(rank, hosts_.on(rank % 2, program),
                                       {{"TALLY_HOST", rank % 2 == 0 ? "first" : "second"}}));
    }
    for (Process& process : processes) {
      const int code = process.wait(100s);
      EXPECT_EQ(code, 0) << process.output();
    }
    EXPECT_EQ(server.finished(), ranks);
  }
  TwoHosts hosts_;
};

TEST_F(Namespaces, ranks_exchange_messages_over_the_link) { expect_exchange(4, {CLUSTER_PROGRAM}); }

TEST_F(Namespaces, examples_run_over_the_link) {
  expect_exchange(4, {EXAMPLE_RING});
  expect_exchange(4, {EXAMPLE_COLLECTIVES});
}

TEST_F(Namespaces, messages_survive_delay_and_loss) {
  if (!hosts_.impair("2ms", "1%")) GTEST_SKIP() << "this kernel has no netem: " << hosts_.why_not();
  expect_exchange(2, {CLUSTER_PROGRAM});
}

TEST_F(Namespaces, dead_rank_ends_the_wait_on_the_other_host) {
  PmiServer server(2, 1);
  Process first = server.start(0, hosts_.on(0, {CLUSTER_PROGRAM, "die", "1"}), {{"TALLY_HOST", "first"}});
  Process second = server.start(1, hosts_.on(1, {CLUSTER_PROGRAM, "die", "1"}), {{"TALLY_HOST", "second"}});
  EXPECT_EQ(second.wait(60s), -SIGKILL) << second.output();
  EXPECT_EQ(first.wait(30s), 0) << first.output();
  EXPECT_EQ(count(first.output(), "ended after a while with TALLY_ERR_JOB"), 1u) << first.output();
}

}  // namespace
}  // namespace tally::test
