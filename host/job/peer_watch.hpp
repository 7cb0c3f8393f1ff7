// SPDX-License-Identifier: BSD-3-Clause
// Notices that a rank of this host has died without leaving the job. `tally run` watches its ranks itself;
// under other launchers the ranks do it for each other, so that waits end with an error whatever the launcher
// does.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "launch/job_segment.hpp"

namespace tally::job {

class PeerWatch {
 public:
  /// `header` outlives this object.
  PeerWatch(Header& header, std::uint32_t rank) noexcept : header_(header), rank_(rank) {}
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;
  ~PeerWatch();

  /// Looks, at most ten times a second: where a rank has died Header::failed is set, all ranks are woken, and
  /// a line on stderr says which one it was.
  void look() noexcept;

 private:
  struct Watched {
    std::int32_t pid = 0;
    int fd = -1;  ///< of the process (pidfd_open(2)); -1: not open, or the kernel has none
  };
  [[nodiscard]] bool dead(Watched& watched, std::int32_t pid) noexcept;

  Header& header_;
  std::uint32_t rank_;
  std::chrono::steady_clock::time_point next_{};
  std::array<Watched, kMaxRanks> watched_;
};

}  // namespace tally::job
