// SPDX-License-Identifier: BSD-3-Clause
// Random programs on small rings: every rule of the device kept, every operation completed once, over many
// wraps.
#include "ring/ring_fixture.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Case {
  const char* name;
  unsigned ranks;
  unsigned refuse_percent;
  ring::RingEngineOptions options;
  friend void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }
};

class RingStress : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Each, RingStress,
    testing::Values(
        Case{"tiny_rings", 3, 0, {.sq_log2 = 1, .cq_log2 = 0, .operations = 100}},
        Case{"small_rings", 4, 0, {.sq_log2 = 4, .cq_log2 = 1, .operations = 300}},
        Case{"small_rings_refusing_window", 4, 30, {.sq_log2 = 4, .cq_log2 = 7, .operations = 300}},
        Case{"one_rank", 1, 5, {.sq_log2 = 3, .cq_log2 = 8, .operations = 50}},
        Case{"sixteen_ranks", 16, 10, {.sq_log2 = 5, .cq_log2 = 8, .operations = 500}},
        Case{"default_rings", 2, 0, {}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_P(RingStress, completes_every_operation_once_and_keeps_every_rule) {
  const Case& setup = GetParam();
  const std::uint64_t start = seed(0xd01);
  std::mt19937_64 random(start);
  FakeDevice device(start + 1);
  device.tags_count_up = true;
  device.in_order = false;
  std::vector<std::byte> memory(5000);
  ring::RingEngine engine(device, 0, setup.ranks, setup.options);
  std::uint32_t key = 0;
  ASSERT_TRUE(engine.register_memory(memory.data(), memory.size(), &key).ok());
  device.refuse_percent = setup.refuse_percent;
  device.run_in_wait = true;

  std::vector<std::uint16_t> all;
  for (std::uint16_t r = 0; r < setup.ranks; ++r) all.push_back(r);
  std::vector<schedule::Program> programs;
  const int n = static_cast<int>(setup.ranks);
  for (int k = 0; k < 60; ++k) {
    programs.push_back(schedule::compile(k % 3 == 0   ? schedule::allreduce_ring(n)
                                         : k % 3 == 1 ? schedule::allreduce_recursive_doubling(n)
                                                      : schedule::barrier_dissemination(n),
                                         0, all));
  }

  const std::uint32_t total = 20000 * effort();
  std::vector<bool> done(total, false);
  std::uint32_t posted = 0, finished = 0;
  std::uint16_t seq = 0;
  std::vector<Completion> out(64);
  std::uint64_t idle = 0;
  while (finished < total) {
    for (std::uint64_t burst = random() % 40; burst > 0 && posted < total; --burst) {
      const std::uint64_t length = random() % 3 == 0 ? random() % 5000 : random() % 40;
      const auto peer = static_cast<std::uint16_t>(random() % setup.ranks);
      Status status;
      switch (random() % 8) {
        case 0:
          status = engine.post_collective({.program = &programs[random() % programs.size()],
                                           .input = memory.data(),
                                           .output = memory.data(),
                                           .input_key = key,
                                           .output_key = key,
                                           .count = random() % 1000,
                                           .dtype = TALLY_I32,
                                           .redop = TALLY_MAX,
                                           .context = 1,
                                           .seq = seq,
                                           .cookie = posted});
          if (status.ok()) ++seq;
          break;
        case 1:
        case 2:
        case 3:
          status = engine.post_recv({.buffer = memory.data(),
                                     .length = length,
                                     .key = key,
                                     .source = peer,
                                     .tag = posted,
                                     .cookie = posted});
          break;
        default:
          status = engine.post_send({.buffer = memory.data(),
                                     .length = length,
                                     .key = key,
                                     .destination = peer,
                                     .tag = posted,
                                     .cookie = posted});
      }
      if (status.code() == TALLY_AGAIN) break;
      ASSERT_TRUE(status.ok()) << status.message();
      ++posted;
    }
    if (random() % 2 == 0) engine.wait(std::chrono::microseconds(1));
    if (random() % 2 == 0) device.run_some();
    const std::size_t count = engine.poll({out.data(), 1 + random() % out.size()});
    for (std::size_t k = 0; k < count; ++k) {
      ASSERT_EQ(out[k].status, TALLY_OK);
      ASSERT_LT(out[k].cookie, posted);
      ASSERT_FALSE(done[out[k].cookie]) << "completed twice";
      done[out[k].cookie] = true;
      ++finished;
    }
    idle = count == 0 ? idle + 1 : 0;
    ASSERT_LT(idle, 20000u) << "stuck: " << engine.describe_pending();
    ASSERT_TRUE(device.broken_rules.empty()) << device.broken_rules[0] << " after " << finished;
  }
  EXPECT_EQ(engine.describe_pending(), "");
  EXPECT_GT(device.window_posts, 0u);
  EXPECT_GT(device.ring_posts, 0u);
  tally_counters c{};
  engine.add_counters(c);
  std::printf("held: %llu for a window, %llu for posted entries, %llu for rings\n",
              static_cast<unsigned long long>(c.fallback_send_window),
              static_cast<unsigned long long>(c.fallback_posted_full),
              static_cast<unsigned long long>(c.fallback_ring_full));
  EXPECT_EQ(c.cpu_copied_bytes + c.cpu_matches + c.cpu_reduced_bytes, 0u);
}

}  // namespace
}  // namespace tally::test
