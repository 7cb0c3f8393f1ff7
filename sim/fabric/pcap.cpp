// SPDX-License-Identifier: BSD-3-Clause
// Source of the format: IETF draft-ietf-opsawg-pcap. Numbers are in the byte order of this host; the magic
// tells it.
#include "sim/fabric/pcap.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace tally::sim {

namespace {

constexpr std::uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kVersion = 4u << 16 | 2;  // 2.4 as two halfwords, the major one first
constexpr std::uint32_t kSnapLength = 65535;
constexpr std::uint32_t kLinkEthernet = 1;
constexpr std::uint64_t kSecondPs = 1'000'000'000'000;

}  // namespace

PcapWriter::PcapWriter(const std::string& path)
    : path_(path), file_(std::fopen(path.c_str(), "wb"), std::fclose) {
  if (!file_) throw std::invalid_argument("pcap: cannot write " + path + ": " + std::strerror(errno));
  const std::array<std::uint32_t, 6> header = {kMagicNanoseconds, kVersion, 0, 0, kSnapLength, kLinkEthernet};
  put(header.data(), sizeof header);
}

PcapWriter::~PcapWriter() {
  if (file_ && std::fflush(file_.get()) != 0) fail();
}

void PcapWriter::write(std::uint64_t time_ps, std::span<const std::byte> frame) {
  const auto bytes = static_cast<std::uint32_t>(frame.size());
  const std::array<std::uint32_t, 4> header = {static_cast<std::uint32_t>(time_ps / kSecondPs),
                                               static_cast<std::uint32_t>(time_ps % kSecondPs / 1000), bytes,
                                               bytes};
  put(header.data(), sizeof header);
  put(frame.data(), frame.size());
}

void PcapWriter::put(const void* data, std::size_t bytes) {
  if (file_ && std::fwrite(data, 1, bytes, file_.get()) != bytes) fail();
}

void PcapWriter::fail() {
  std::fprintf(stderr, "tally fabric: pcap: %s: %s: the capture ends here\n", path_.c_str(),
               std::strerror(errno));
  file_.reset();
}

}  // namespace tally::sim
