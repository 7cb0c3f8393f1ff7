// SPDX-License-Identifier: BSD-3-Clause
// The benchmark of tagged messages between two simulated devices: rate, bandwidth, and what loss costs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/report.hpp"

namespace tally::bench {

struct MessagesOptions {
  std::vector<std::uint64_t> sizes;  ///< bytes of a message
  unsigned count = 10000;            ///< messages of each size; large ones stop at kMaxTotalBytes
  unsigned window = 512;             ///< receives that are posted ahead; sends: half of it
  std::vector<double> losses;        ///< frames lost on each link, 0 to 1; the first is what the others are compared with
  std::string config;                ///< fabric parameters, or empty
};

/// One size at one loss. Times are simulated.
struct MessagesRow {
  std::uint64_t bytes = 0;
  double loss = 0;
  unsigned messages = 0;
  bool rendezvous = false;
  double nanoseconds = 0;        ///< from the first post to the last receive's completion
  double rate = 0;               ///< messages a second
  double gbps = 0;               ///< payload
  double link_gbps = 0;          ///< payload that the link can carry at this size: its rate less all headers
  std::uint64_t retransmits = 0; ///< packets and READ requests sent again, both devices
  std::uint64_t timeouts = 0;
  std::uint64_t frames_lost = 0;
  std::uint64_t cpu_work = 0;    ///< matches, reduced and copied bytes of the CPUs
};

struct MessagesReport {
  FabricParameters fabric;
  std::vector<MessagesRow> rows;  ///< sizes within losses
  std::string error;
};

/// Each loss runs in a process of its own, since a process holds one fabric.
[[nodiscard]] MessagesReport run_messages(const MessagesOptions& options);
[[nodiscard]] std::string as_table(const MessagesOptions& options, const MessagesReport& report);
[[nodiscard]] nlohmann::ordered_json as_json(const MessagesOptions& options, const MessagesReport& report);

}  // namespace tally::bench
