// SPDX-License-Identifier: BSD-3-Clause
// Reads a capture file back, field by field as the format says.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tally::sim {

struct Captured {
  std::uint64_t time_ns = 0;
  std::vector<unsigned char> frame;
};

inline std::vector<Captured> read_capture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::size_t at = 0;
  const auto word = [&] {
    std::uint32_t value = 0;
    if (at + 4 <= text.size()) std::memcpy(&value, text.data() + at, 4);
    at += 4;
    return value;
  };
  EXPECT_EQ(word(), 0xa1b23c4du) << path;
  EXPECT_EQ(word(), 0x00040002u);
  EXPECT_EQ(word(), 0u);
  EXPECT_EQ(word(), 0u);
  EXPECT_EQ(word(), 65535u);
  EXPECT_EQ(word(), 1u);
  std::vector<Captured> captured;
  while (at < text.size()) {
    Captured one;
    one.time_ns = word() * 1'000'000'000ull;
    one.time_ns += word();
    const std::uint32_t bytes = word();
    EXPECT_EQ(word(), bytes);
    if (at + bytes > text.size()) {
      ADD_FAILURE() << path << " ends inside a frame";
      break;
    }
    one.frame.assign(text.begin() + static_cast<std::ptrdiff_t>(at),
                     text.begin() + static_cast<std::ptrdiff_t>(at + bytes));
    at += bytes;
    captured.push_back(std::move(one));
  }
  return captured;
}

}  // namespace tally::sim
