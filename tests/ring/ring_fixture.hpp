// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/ring/ring_engine.hpp"
#include "ring/fake_device.hpp"

namespace tally::test {

class RingEngineTest : public testing::Test {
 protected:
  void open(unsigned ranks = 4, const ring::RingEngineOptions& options = {}) {
    engine_ = std::make_unique<ring::RingEngine>(device_, 0, ranks, options);
    ASSERT_TRUE(engine_->register_memory(memory_.data(), memory_.size(), &key_).ok());
  }
  void TearDown() override {
    EXPECT_TRUE(device_.broken_rules.empty())
        << device_.broken_rules.size() << " rules, first: " << device_.broken_rules[0];
  }
  Status send(std::uint64_t length, std::uint16_t to, std::uint32_t tag, std::uint32_t cookie) {
    return engine_->post_send({.buffer = memory_.data(),
                               .length = length,
                               .key = key_,
                               .context = 0,
                               .destination = to,
                               .tag = tag,
                               .cookie = cookie});
  }
  Status recv(std::uint64_t length, std::uint16_t from, std::uint32_t tag, std::uint32_t cookie) {
    return engine_->post_recv({.buffer = memory_.data(),
                               .length = length,
                               .key = key_,
                               .context = 0,
                               .source = from,
                               .any_source = false,
                               .any_tag = false,
                               .tag = tag,
                               .cookie = cookie});
  }
  std::vector<Completion> poll(std::size_t most = 1000) {
    std::vector<Completion> out(most);
    out.resize(engine_->poll(out));
    return out;
  }
  tally_counters counters() {
    tally_counters c{};
    engine_->add_counters(c);
    return c;
  }

  FakeDevice device_;
  std::vector<std::byte> memory_ = std::vector<std::byte>(1 << 16);
  std::unique_ptr<ring::RingEngine> engine_;
  std::uint32_t key_ = 0;
};

}  // namespace tally::test
