// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/registers.hpp"

#include <chrono>
#include <cstdio>

namespace tally::ring {

namespace {

constexpr std::chrono::seconds kLimit{10};
constexpr std::chrono::microseconds kPause{100};

std::string hex(std::uint32_t offset) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%04x", offset);
  return text;
}

}  // namespace

Status Registers::write(std::uint32_t offset, std::uint32_t value) {
  if (bar_.write32(offset, value)) return {};
  const auto begin = std::chrono::steady_clock::now();
  do {
    if (!bar_.alive())
      return {TALLY_ERR_JOB, "the device is gone: register " + hex(offset) + " cannot be written"};
    bar_.wait(kPause);
    if (bar_.write32(offset, value)) return {};
  } while (std::chrono::steady_clock::now() - begin < kLimit);
  return {TALLY_ERR_JOB, "the device takes no register writes: " + hex(offset) + " waits for 10 s"};
}

Status Registers::write64(std::uint32_t low_offset, std::uint64_t value) {
  Status status = write(low_offset, static_cast<std::uint32_t>(value));
  if (status.ok()) status = write(low_offset + 4, static_cast<std::uint32_t>(value >> 32));
  return status;
}

Status Registers::read(std::uint32_t offset, std::uint32_t* value) {
  if (bar_.read32(offset, value)) return {};
  return {TALLY_ERR_JOB, "the device does not answer: register " + hex(offset) + " cannot be read"};
}

}  // namespace tally::ring
