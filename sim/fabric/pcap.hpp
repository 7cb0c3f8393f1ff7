// SPDX-License-Identifier: BSD-3-Clause
// Capture files: classic pcap, nanosecond time stamps, Ethernet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace tally::sim {

class PcapWriter {
 public:
  /// Throws std::invalid_argument that names the file when it cannot be written.
  explicit PcapWriter(const std::string& path);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  /// Appends a frame (without FCS); times must not fall. A failure is told once on stderr and ends the
  /// capture.
  void write(std::uint64_t time_ps, std::span<const std::byte> frame);

 private:
  void put(const void* data, std::size_t bytes);
  void fail();

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace tally::sim
