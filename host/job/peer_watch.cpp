// SPDX-License-Identifier: BSD-3-Clause
#include "job/peer_watch.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "job/job.hpp"

namespace tally::job {

PeerWatch::~PeerWatch() {
  for (const Watched& watched : watched_) {
    if (watched.fd >= 0) ::close(watched.fd);
  }
}

bool PeerWatch::dead(Watched& watched, std::int32_t pid) noexcept {
  if (watched.pid != pid) {
    if (watched.fd >= 0) ::close(watched.fd);
    watched = {pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  }
  // A process that has died and that nobody has reaped yet: signals still reach it, but its descriptor is
  // readable.
  if (watched.fd < 0) return ::kill(pid, 0) != 0 && errno == ESRCH;
  pollfd ended{watched.fd, POLLIN, 0};
  return ::poll(&ended, 1, 0) == 1;
}

void PeerWatch::look() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  for (std::uint32_t rank = 0; rank < header_.ranks; ++rank) {
    const RankRecord& record = header_.rank[rank];
    // 0: it has not come yet, or is on another host.
    const std::int32_t pid = record.pid.load(std::memory_order_acquire);
    if (rank == rank_ || pid == 0 || record.closed.load(std::memory_order_acquire) != 0) continue;
    if (!dead(watched_[rank], pid)) continue;
    // It may have left between the two looks.
    if (record.closed.load(std::memory_order_acquire) != 0 ||
        record.pid.load(std::memory_order_acquire) != pid)
      continue;
    if (header_.failed.exchange(1, std::memory_order_acq_rel) == 0) {
      (void)std::fprintf(stderr, "tally: rank %u: rank %u (process %d) has died; the job ends\n", rank_, rank,
                         pid);
    }
    wake_all(header_);
    return;
  }
}

}  // namespace tally::job
