// SPDX-License-Identifier: BSD-3-Clause
// The checks of `tally doctor`, on made-up machines: folders that look like /proc, /sys and /dev.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/launch/doctor_checks.hpp"
#include "launch/harness.hpp"

namespace tally::test {
namespace {

using launch::Finding;
using launch::Health;
using launch::Machine;

constexpr const char* kZeroGid = "0000:0000:0000:0000:0000:0000:0000:0000";
constexpr const char* kLinkLocal = "fe80:0000:0000:0000:5054:00ff:fe00:0001";
constexpr const char* kIpv4 = "0000:0000:0000:0000:0000:ffff:0a01:0001";

class Doctor : public testing::Test {
 protected:
  Doctor() {
    std::string name = testing::TempDir() + "doctor.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    machine_.root = name;
    machine_.processors = 4;
    machine_.shared_memory = 1 << 30;
    write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
  }
  ~Doctor() override { std::filesystem::remove_all(machine_.root); }

  void write(const std::string& path, const std::string& line) {
    const auto file = machine_.root / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << line << '\n';
  }

  void remove(const std::string& path) { std::filesystem::remove_all(machine_.root / path); }

  /// A RoCE device as it should be: two GIDs of version 1 and 2, an Ethernet with jumbo frames.
  void add_roce(const std::string& name = "rxe0", const std::string& node = "uverbs0") {
    write("sys/class/infiniband_verbs/" + node + "/ibdev", name);
    write("dev/infiniband/" + node, "");
    port_ = "sys/class/infiniband/" + name + "/ports/1/";
    write(port_ + "state", "4: ACTIVE");
    write(port_ + "link_layer", "Ethernet");
    write(port_ + "rate", "100 Gb/sec (4X EDR)");
    write(port_ + "lid", "0x0");
    add_gid("0", kLinkLocal, "RoCE v2");
    add_gid("1", kIpv4, "IB/RoCE v1");
    add_gid("2", kIpv4, "RoCE v2");
    add_gid("10", kIpv4, "RoCE v2");
    add_gid("11", kZeroGid, "");
    write("sys/class/net/eth0/mtu", "9000");
  }

  void add_gid(const std::string& index, const std::string& gid, const std::string& type) {
    write(port_ + "gids/" + index, gid);
    write(port_ + "gid_attrs/types/" + index, type);
    write(port_ + "gid_attrs/ndevs/" + index, "eth0");
  }

  void add_infiniband(const std::string& lid) {
    write("sys/class/infiniband_verbs/uverbs0/ibdev", "mlx5_0");
    write("dev/infiniband/uverbs0", "");
    port_ = "sys/class/infiniband/mlx5_0/ports/1/";
    write(port_ + "state", "4: ACTIVE");
    write(port_ + "link_layer", "InfiniBand");
    write(port_ + "rate", "200 Gb/sec (4X HDR)");
    write(port_ + "lid", lid);
    write(port_ + "gids/0", kLinkLocal);
  }

  [[nodiscard]] std::vector<Finding> look() const {
    auto findings = launch::examine(machine_);
    for (const Finding& one : findings) {
      const bool bad = one.health == Health::kWarning || one.health == Health::kProblem;
      EXPECT_EQ(one.advice.empty(), !bad) << one.subject << ": " << one.text;  // whatever is wrong has a way out
    }
    return findings;
  }

  /// Whether there is a finding of this health whose subject and text contain these.
  [[nodiscard]] testing::AssertionResult has(Health health, const std::string& subject, const std::string& text) const {
    auto result = testing::AssertionFailure() << "no " << launch::name_of(health) << " about " << subject << ": " << text;
    for (const Finding& one : look()) {
      if (one.health == health && one.subject == subject && one.text.find(text) != std::string::npos) {
        return testing::AssertionSuccess();
      }
      result << "\n  " << launch::name_of(one.health) << " " << one.subject << ": " << one.text;
    }
    return result;
  }

  [[nodiscard]] long bad() const {
    const auto findings = look();
    return std::count_if(findings.begin(), findings.end(), [](const Finding& one) {
      return one.health == Health::kWarning || one.health == Health::kProblem;
    });
  }

  Machine machine_;
  std::string port_;
};

TEST_F(Doctor, finds_nothing_wrong_on_a_machine_without_rdma) {
  machine_.locked_memory = 8 << 20;
  EXPECT_EQ(bad(), 0);
  EXPECT_TRUE(has(Health::kNote, "RDMA devices", "none"));
  EXPECT_TRUE(has(Health::kNote, "locked memory", "8 MiB"));
}

TEST_F(Doctor, finds_nothing_wrong_with_a_roce_device_as_it_should_be) {
  add_roce();
  EXPECT_EQ(bad(), 0);
  EXPECT_TRUE(has(Health::kGood, "rxe0:1", "active, 100 Gb/sec"));
  EXPECT_TRUE(has(Health::kGood, "rxe0:1", "GID index 2"));
  EXPECT_TRUE(has(Health::kGood, "rxe0:1", "4096 bytes (eth0 has an MTU of 9000)"));
}

TEST_F(Doctor, warns_of_more_ranks_than_processors) {
  machine_.ranks = 4;
  EXPECT_TRUE(has(Health::kGood, "processors", "4; 4 ranks"));
  machine_.ranks = 5;
  EXPECT_TRUE(has(Health::kWarning, "processors", "4; 5 ranks"));
}

TEST_F(Doctor, counts_the_quota_of_the_control_group_and_of_those_above) {
  write("proc/self/cgroup", "0::/job/step");
  write("sys/fs/cgroup/job/step/cpu.max", "max 100000");
  write("sys/fs/cgroup/job/cpu.max", "150000 100000");
  machine_.ranks = 2;
  EXPECT_TRUE(has(Health::kWarning, "processors", "a quota of 1.5"));
  machine_.ranks = 1;
  EXPECT_TRUE(has(Health::kGood, "processors", "a quota of 1.5"));
}

TEST_F(Doctor, tells_who_forbids_process_vm_readv) {
  write("proc/sys/kernel/yama/ptrace_scope", "1");
  EXPECT_TRUE(has(Health::kGood, "process_vm_readv", "ptrace_scope 1"));
  machine_.process_vm = false;
  EXPECT_NE(look()[1].advice.find("seccomp"), std::string::npos);
  write("proc/sys/kernel/yama/ptrace_scope", "2");
  EXPECT_TRUE(has(Health::kWarning, "process_vm_readv", "ptrace_scope 2"));
  EXPECT_NE(look()[1].advice.find("kernel.yama.ptrace_scope=1"), std::string::npos);
}

TEST_F(Doctor, warns_of_little_or_no_shared_memory) {
  machine_.shared_memory = 64 << 20;
  EXPECT_TRUE(has(Health::kWarning, "/dev/shm", "64 MiB"));
  machine_.shared_memory = 0;
  EXPECT_TRUE(has(Health::kWarning, "/dev/shm", "absent"));
}

TEST_F(Doctor, warns_when_transparent_huge_pages_are_off) {
  write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]");
  EXPECT_TRUE(has(Health::kWarning, "huge pages", "off"));
  write("sys/kernel/mm/transparent_hugepage/enabled", "]damaged[");
  EXPECT_EQ(bad(), 0);
}

TEST_F(Doctor, warns_of_a_limit_on_locked_memory_where_there_is_a_device) {
  add_roce();
  machine_.locked_memory = 64 << 10;
  EXPECT_TRUE(has(Health::kWarning, "locked memory", "64 KiB"));
}

TEST_F(Doctor, warns_of_an_ethernet_that_makes_rdma_packets_small) {
  add_roce();
  for (const auto& [mtu, packet] : {std::pair{"1500", "1024"}, {"4191", "2048"}, {"2144", "2048"}, {"2143", "1024"}}) {
    write("sys/class/net/eth0/mtu", mtu);
    EXPECT_TRUE(has(Health::kWarning, "rxe0:1", std::string("at most ") + packet)) << mtu;
  }
  write("sys/class/net/eth0/mtu", "4192");
  EXPECT_EQ(bad(), 0);
}

TEST_F(Doctor, warns_of_gids_that_no_router_forwards) {
  add_roce();
  for (const char* index : {"2", "10"}) write(port_ + "gid_attrs/types/" + index, "IB/RoCE v1");
  EXPECT_TRUE(has(Health::kWarning, "rxe0:1", "IPv6 addresses only"));
  write(port_ + "gid_attrs/types/0", "IB/RoCE v1");
  EXPECT_TRUE(has(Health::kWarning, "rxe0:1", "RoCE version 1 only"));
  remove(port_ + "gids");
  EXPECT_TRUE(has(Health::kProblem, "rxe0:1", "no GID"));
}

TEST_F(Doctor, reports_a_port_that_is_down) {
  add_roce();
  write(port_ + "state", "1: DOWN");
  EXPECT_TRUE(has(Health::kProblem, "rxe0:1", "1: DOWN"));
}

TEST_F(Doctor, reports_an_infiniband_port_without_a_subnet_manager) {
  add_infiniband("0x0");
  EXPECT_TRUE(has(Health::kProblem, "mlx5_0:1", "no LID"));
  add_infiniband("0x11");
  EXPECT_EQ(bad(), 0);
}

TEST_F(Doctor, reports_a_device_that_programs_cannot_use) {
  add_roce();
  remove("dev/infiniband/uverbs0");
  EXPECT_TRUE(has(Health::kProblem, "rxe0", "no /dev/infiniband/uverbs0"));
  remove("sys/class/infiniband_verbs");
  EXPECT_TRUE(has(Health::kProblem, "rxe0", "no uverbs device"));
}

TEST_F(Doctor, warns_of_an_iommu_that_translates) {
  add_roce();
  write("sys/class/infiniband/rxe0/device/iommu_group/type", "identity");
  EXPECT_EQ(bad(), 0);
  write("sys/class/infiniband/rxe0/device/iommu_group/type", "DMA-FQ");
  EXPECT_TRUE(has(Health::kWarning, "rxe0", "DMA-FQ"));
}

TEST_F(Doctor, looks_at_each_device_and_port) {
  add_roce();
  add_roce("rxe1", "uverbs1");
  const std::string second = "sys/class/infiniband/rxe1/ports/2/";
  write(second + "state", "1: DOWN");
  write(second + "link_layer", "Ethernet");
  EXPECT_TRUE(has(Health::kGood, "rxe0:1", "active"));
  EXPECT_TRUE(has(Health::kGood, "rxe1:1", "active"));
  EXPECT_TRUE(has(Health::kProblem, "rxe1:2", "DOWN"));
}

TEST(DoctorCommand, ends_with_1_only_where_it_tells_a_problem) {
  const auto outcome = tally({"doctor", "--json"});
  const auto findings = nlohmann::json::parse(outcome.out);
  const bool problem = std::any_of(findings.begin(), findings.end(), [](const auto& one) { return one["health"] == "problem"; });
  EXPECT_EQ(outcome.code, problem ? 1 : 0) << outcome.out;
  EXPECT_EQ(outcome.err, "");
}

TEST(DoctorCommand, text_says_the_same_as_json) {
  const auto text = tally({"doctor", "--ranks", "1"});
  for (const auto& one : nlohmann::json::parse(tally({"doctor", "--ranks", "1", "--json"}).out)) {
    EXPECT_NE(text.out.find(one["text"].get<std::string>()), std::string::npos) << text.out;
  }
}

TEST(DoctorCommand, bad_number_of_ranks_is_refused) {
  for (const char* ranks : {"0", "-1", "two", "1048577"}) {
    const auto outcome = tally({"doctor", "--ranks", ranks});
    EXPECT_EQ(outcome.code, 2) << ranks;
    EXPECT_NE(outcome.err.find("--ranks"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace tally::test
