// SPDX-License-Identifier: BSD-3-Clause
// A fabric that may not reach into the ranks' memory: the staging windows carry the same bytes, and that is counted.
#include <gtest/gtest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <numeric>

#include "place.hpp"

namespace tally::test {
namespace {

/// From now on process_vm_readv and process_vm_writev of this process fail, as in a container that forbids them.
void forbid_access_to_other_processes() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    ::_exit(126);
}

TEST(Staging, serves_a_fabric_that_may_not_read_other_processes) {
  if (!FabricProcess::available()) GTEST_SKIP() << "this build has no simulated fabric";
  const job::Segment segment = job::Segment::create(2, job::EngineKind::kRtl, false);
  testing::internal::CaptureStderr();
  FabricProcess fabric(segment, "", forbid_access_to_other_processes);
  const auto codes = run_ranks(segment, [](int rank) {
    Place place;
    constexpr int kCount = 3000;
    int* in = place.at<int>();
    int* out = place.at<int>(1u << 15);
    std::iota(in, in + kCount, rank);
    RANK_OK(tally_allreduce(place.endpoint, nullptr, in, out, kCount, TALLY_I32, TALLY_SUM));
    for (int i = 0; i < kCount; ++i) RANK_CHECK(out[i] == 2 * i + 1);
    tally_request* receive = nullptr;
    RANK_OK(tally_recv_start(place.endpoint, nullptr, out, sizeof(int) * kCount, 1 - rank, 0, &receive));
    RANK_OK(tally_send(place.endpoint, nullptr, in, sizeof(int) * kCount, 1 - rank, 0));
    RANK_OK(tally_wait(&receive, nullptr));
    for (int i = 0; i < kCount; ++i) RANK_CHECK(out[i] == i + 1 - rank);
    tally_counters counters{};
    counters.size = sizeof counters;
    RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
    RANK_CHECK(counters.fallback_staging >= 4 * sizeof(int) * kCount);
    place.close();
  });
  EXPECT_EQ(fabric.end(), 0);
  const std::string told = testing::internal::GetCapturedStderr();
  expect_success(codes);
  const std::string line = "direct access to its memory is not possible (Operation not permitted)";
  const auto first = told.find(line);
  EXPECT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find(line, first + 1), std::string::npos) << told;
}

}  // namespace
}  // namespace tally::test
