// SPDX-License-Identifier: BSD-3-Clause
// Collectives: schedule memory, scratch, several at once, abort.
#include <array>
#include <random>
#include <set>

#include "ring/ring_fixture.hpp"
#include "support/seed.hpp"
#include "tally/device_registers.hpp"

namespace tally::test {
namespace {

using schedule::Program;

class RingCollective : public RingEngineTest {
 protected:
  Status post(const Program& program, std::uint64_t count, std::uint16_t seq = 0, std::uint32_t cookie = 0,
              std::uint16_t context = 3) {
    return engine_->post_collective({.program = &program,
                                     .input = memory_.data(),
                                     .output = memory_.data(),
                                     .input_key = key_,
                                     .output_key = key_,
                                     .count = count,
                                     .dtype = TALLY_I32,
                                     .redop = TALLY_SUM,
                                     .context = context,
                                     .seq = seq,
                                     .signature = 7,
                                     .cookie = cookie});
  }
  void run_to_end() {
    device_.consume();
    ASSERT_TRUE(device_.complete_collective());
  }
  /// The device's memory at `at` is `program`.
  void expect_loaded(const Program& program, std::uint16_t at) {
    device::ScheduleHeader header;
    std::memcpy(&header, device_.schedule[at].data(), sizeof header);
    ASSERT_EQ(header.lanes, program.lanes.size());
    const std::uint16_t lengths[] = {header.lane0_len, header.lane1_len, header.lane2_len, header.lane3_len};
    EXPECT_EQ(header.scratch_chunks, program.scratch_chunks);
    EXPECT_EQ(header.chunks, program.max_chunk_bytes != 0 ? program.chunks : 0);
    EXPECT_EQ(header.input_chunks, program.uses_input ? program.input_chunks : 0xffff);
    EXPECT_EQ(header.output_chunks, program.uses_output ? program.output_chunks : 0xffff);
    std::size_t entry = at + std::size_t{1};
    for (std::size_t l = 0; l < 4; ++l) {
      ASSERT_EQ(lengths[l], l < program.lanes.size() ? program.lanes[l].size() : 0);
      for (std::size_t k = 0; k < lengths[l]; ++k, ++entry) {
        device::Instr i;
        std::memcpy(&i, device_.schedule[entry].data(), sizeof i);
        const schedule::Instruction& e = program.lanes[l][k];
        EXPECT_EQ(i.op, static_cast<std::uint8_t>(e.op));
        EXPECT_EQ(i.flags, e.has_dep ? device::kInstrFlagHasDep : 0);
        EXPECT_EQ(i.src_buf, static_cast<std::uint8_t>(e.src_buf));
        EXPECT_EQ(i.dst_buf, static_cast<std::uint8_t>(e.dst_buf));
        EXPECT_EQ(i.src_chunk, e.src_chunk);
        EXPECT_EQ(i.dst_chunk, e.dst_chunk);
        EXPECT_EQ(i.chunks, e.chunks);
        EXPECT_EQ(i.size_chunk, e.size_chunk);
        if (schedule::sends(e.op)) {
          EXPECT_EQ(i.send_peer, e.send_peer);
          EXPECT_EQ(i.send_lane, schedule::target_lane(e, l));
        }
        if (schedule::receives(e.op)) {
          EXPECT_EQ(i.recv_peer, e.recv_peer);
        }
        if (e.has_dep) {
          EXPECT_EQ(i.dep_lane, e.dep_lane);
          EXPECT_EQ(i.dep_step, e.dep_step);
        }
      }
    }
  }
};

const std::vector<std::uint16_t> kFour{0, 1, 2, 3};

TEST_F(RingCollective, loads_a_program_once_and_describes_the_call) {
  open(4);
  const Program ring = schedule::compile(schedule::allreduce_ring(4), 0, kFour);
  ASSERT_TRUE(post(ring, 1001, 5, 42).ok());
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), 1u);
  const device::CollDesc& d = device_.collectives[0];
  expect_loaded(ring, d.schedule);
  EXPECT_EQ(d.dtype, TALLY_I32);
  EXPECT_EQ(d.redop, TALLY_SUM);
  EXPECT_EQ(d.context_id, 3);
  EXPECT_EQ(d.seq, 5);
  EXPECT_EQ(d.signature, 7);
  EXPECT_EQ(d.count, 1001u);
  EXPECT_EQ(d.chunk_bytes, 251u * 4);
  const std::uint64_t words = device_.schedule_words;
  ASSERT_TRUE(device_.complete_collective());
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, 42u);
  ASSERT_TRUE(post(ring, 10).ok());
  EXPECT_EQ(device_.schedule_words, words);
  run_to_end();
}

TEST_F(RingCollective, posts_in_order_as_many_as_the_device_takes_and_counts_what_it_holds) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  constexpr std::uint16_t kMost = device::kCollectiveQueue;
  for (std::uint16_t k = 0; k < kMost; ++k) ASSERT_TRUE(post(barrier, 0, k, k).ok());
  EXPECT_EQ(counters().fallback_ring_full, 0u);
  for (std::uint16_t k = kMost; k < kMost + 3; ++k) ASSERT_TRUE(post(barrier, 0, k, k).ok());
  EXPECT_EQ(counters().fallback_ring_full, 1u);  // the first of those that wait has met the limit
  EXPECT_NE(engine_->describe_pending().find("as many collectives as it takes"), std::string::npos);
  for (std::uint16_t k = 0; k < kMost + 3; ++k) {
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), std::min<std::size_t>(kMost, kMost + 3u - k));
    EXPECT_EQ(device_.collectives[0].seq, k);
    run_to_end();
    const auto done = poll();
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0].cookie, k);
  }
  EXPECT_EQ(counters().fallback_ring_full, 3u);
}

TEST_F(RingCollective, those_under_way_have_scratch_of_their_own_which_is_used_again) {
  open(4);
  const Program doubling = schedule::compile(schedule::allreduce_recursive_doubling(4), 0, kFour);
  std::set<std::uint32_t> keys;
  for (std::uint16_t round = 0; round < 6; ++round) {
    for (std::uint16_t context = 0; context < device::kCollectiveQueue; ++context)
      ASSERT_TRUE(post(doubling, 100, round, context, context).ok());
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), device::kCollectiveQueue);
    for (const device::CollDesc& c : device_.collectives) keys.insert(c.scratch_key);
    device_.in_order = round % 2 == 0;
    while (!device_.collectives.empty()) run_to_end();
    EXPECT_EQ(poll().size(), device::kCollectiveQueue);
  }
  EXPECT_EQ(keys.size(), device::kCollectiveQueue);
}

TEST_F(RingCollective, a_schedule_that_is_in_use_stays_until_its_last_collective_ends) {
  open(16);
  std::vector<std::uint16_t> all(16);
  for (std::uint16_t k = 0; k < 16; ++k) all[k] = k;
  const Program kept = schedule::compile(schedule::allreduce_ring(16), 0, all);
  ASSERT_TRUE(post(kept, 100, 0, 0, 0).ok());
  ASSERT_TRUE(post(kept, 100, 0, 1, 1).ok());
  std::vector<Program> others;  // with `kept` more than the memory holds
  for (int k = 0; k < 40; ++k) others.push_back(schedule::compile(schedule::allreduce_ring(16), k % 16, all));
  std::uint16_t seq = 1;
  for (const Program& other : others) {
    ASSERT_TRUE(post(other, 100, seq++, 2, 2).ok());
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), 3u);
    expect_loaded(other, device_.collectives[2].schedule);
    expect_loaded(kept, device_.collectives[0].schedule);
    ASSERT_TRUE(device_.complete_last_collective());
    EXPECT_EQ(poll().size(), 1u);
  }
  run_to_end();
  run_to_end();
  EXPECT_EQ(poll().size(), 2u);
}

TEST_F(RingCollective, random_collectives_of_many_contexts_keep_the_order_of_each) {
  std::mt19937_64 random(seed(71));
  open(8);
  device_.in_order = false;
  device_.refuse_percent = 30;
  const std::vector<std::uint16_t> eight{0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<Program> programs;  // more than the schedule memory holds
  for (int k = 0; k < 100; ++k) {
    programs.push_back(schedule::compile(schedule::bcast_binomial(8, k % 8), 0, eight));
    programs.push_back(schedule::compile(schedule::allreduce_recursive_doubling(8), k % 8, eight));
    programs.push_back(schedule::compile(schedule::allreduce_ring(8), k % 8, eight));
  }
  std::array<std::uint16_t, 8> posted_of{};
  std::array<std::uint16_t, 8> seen_of{};
  device_.on_collective = [&](const device::CollDesc& c) {
    EXPECT_EQ(c.seq, seen_of[c.context_id]++) << "context " << c.context_id;
  };
  const std::uint32_t all = 500 * effort();
  std::uint32_t posted = 0;
  std::uint32_t ended = 0;
  std::size_t most = 0;
  while (ended < all) {
    if (posted < all && random() % 2 == 0) {
      const auto context = static_cast<std::uint16_t>(random() % 8);
      const Program& program = programs[random() % programs.size()];
      ASSERT_TRUE(post(program, random() % 2000, posted_of[context]++, posted, context).ok());
      ++posted;
    }
    device_.consume(random() % 4);
    most = std::max(most, device_.collectives.size());
    if (random() % 3 == 0) (void)device_.complete_collective();
    for (const Completion& done : poll()) {
      EXPECT_EQ(done.status, TALLY_OK);
      ++ended;
    }
    ASSERT_TRUE(device_.broken_rules.empty()) << device_.broken_rules[0];
  }
  EXPECT_GT(most, 1u);
}

TEST_F(RingCollective, evicts_the_program_that_was_used_longest_ago) {
  open(16, {});
  std::vector<std::uint16_t> all(16);
  for (std::uint16_t k = 0; k < 16; ++k) all[k] = k;
  // 33 entries each: 31 fit the memory of 1024.
  std::vector<Program> programs;
  for (int k = 0; k < 40; ++k)
    programs.push_back(schedule::compile(schedule::allreduce_ring(16), k % 16, all));
  std::uint64_t entries = 1;
  for (const auto& lane : programs[0].lanes) entries += lane.size();
  ASSERT_EQ(entries, 33u);
  const auto use = [&](std::size_t k) {
    const std::uint64_t before = device_.schedule_words;
    EXPECT_TRUE(post(programs[k], 100).ok());
    device_.consume();
    EXPECT_EQ(device_.collectives.size(), 1u);
    expect_loaded(programs[k], device_.collectives[0].schedule);
    run_to_end();
    poll();
    return device_.schedule_words != before;
  };
  for (std::size_t k = 0; k < 31; ++k) EXPECT_TRUE(use(k));
  EXPECT_FALSE(use(0));
  EXPECT_TRUE(use(31));  // takes the place of 1
  EXPECT_FALSE(use(0));
  EXPECT_TRUE(use(1));  // takes the place of 2
  EXPECT_FALSE(use(31));
  for (std::size_t k = 32; k < 40; ++k) EXPECT_TRUE(use(k));
}

TEST_F(RingCollective, loads_on_where_the_window_refused_a_write) {
  open(4);
  const Program ring = schedule::compile(schedule::allreduce_ring(4), 0, kFour);
  device_.refuse_percent = 60;
  ASSERT_TRUE(post(ring, 64).ok());
  for (int k = 0; k < 10000 && device_.collectives.empty(); ++k) {
    poll();
    device_.consume();
  }
  ASSERT_EQ(device_.collectives.size(), 1u);
  expect_loaded(ring, device_.collectives[0].schedule);
}

TEST_F(RingCollective, registers_scratch_on_demand_and_lets_it_grow) {
  open(4);
  memory_.resize(1 << 20);
  ASSERT_TRUE(engine_->register_memory(memory_.data(), memory_.size(), &key_).ok());
  const Program doubling = schedule::compile(schedule::allreduce_recursive_doubling(4), 0, kFour);
  const auto key_of = [&](std::uint64_t count) {
    EXPECT_TRUE(post(doubling, count).ok());
    device_.consume();
    EXPECT_EQ(device_.collectives[0].scratch_addr % 4096, 0u);
    const std::uint32_t key = device_.collectives[0].scratch_key;
    EXPECT_GE(device_.regions[key & 0xff].length, count * 4);
    run_to_end();
    EXPECT_EQ(poll().size(), 1u);
    return key;
  };
  const std::uint32_t small = key_of(100);
  const std::uint32_t large = key_of(100000);
  EXPECT_NE(small, large);
  EXPECT_EQ(small & 0xff, large & 0xff) << "the small one was not given back";
  EXPECT_EQ(key_of(100), large);
}

TEST_F(RingCollective, waits_for_scratch_where_all_regions_are_taken) {
  open(4);
  std::vector<std::uint32_t> keys;
  for (std::uint32_t key = 0; engine_->register_memory(memory_.data(), 64, &key).ok();) keys.push_back(key);
  ASSERT_TRUE(engine_->deregister_memory(keys.back()).ok());
  const Program doubling = schedule::compile(schedule::allreduce_recursive_doubling(4), 0, kFour);
  ASSERT_TRUE(post(doubling, 100, 0, 10).ok());  // takes the last one
  ASSERT_TRUE(post(doubling, 100, 1, 11).ok());
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), 1u);
  run_to_end();
  EXPECT_EQ(poll().size(), 1u);
  run_to_end();
  EXPECT_EQ(poll().size(), 1u);
}

TEST_F(RingCollective, without_a_region_for_scratch_it_ends_with_an_error) {
  open(4);
  std::uint32_t key = 0;
  while (engine_->register_memory(memory_.data(), 64, &key).ok()) {
  }
  const Program doubling = schedule::compile(schedule::allreduce_recursive_doubling(4), 0, kFour);
  ASSERT_TRUE(post(doubling, 100, 0, 10).ok());
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, 10u);
  EXPECT_EQ(done[0].status, TALLY_ERR_NO_MEMORY);
  EXPECT_TRUE(device_.collectives.empty());
}

TEST_F(RingCollective, refuses_what_the_device_cannot_run) {
  open(4);
  Program p = schedule::compile(schedule::allreduce_ring(4), 0, kFour);
  EXPECT_EQ(post(p, memory_.size()).code(), TALLY_ERR_NOT_REGISTERED);
  EXPECT_EQ(engine_->post_collective({.program = nullptr}).code(), TALLY_ERR_ARGUMENT);
  EXPECT_EQ(engine_->post_collective({.program = &p, .context = 64}).code(), TALLY_ERR_ARGUMENT);
  Program far = schedule::compile(schedule::allreduce_ring(4), 0, {0, 1, 2, 9});
  EXPECT_EQ(post(far, 10).code(), TALLY_ERR_ARGUMENT);
  Program large = p;
  large.id = 1000000;
  large.lanes[0].resize(1024);
  EXPECT_EQ(post(large, 10).code(), TALLY_ERR_UNSUPPORTED);
  Program wide = p;
  wide.id = 1000001;
  wide.lanes.resize(5);
  EXPECT_EQ(post(wide, 10).code(), TALLY_ERR_UNSUPPORTED);
  Program fused = schedule::compile(schedule::allreduce_recursive_doubling_fused(4), 0, kFour);
  const Status status = post(fused, 8193);
  EXPECT_EQ(status.code(), TALLY_ERR_ARGUMENT);
  EXPECT_NE(status.message().find("at most 32768"), std::string::npos);
  EXPECT_TRUE(post(fused, 8192).ok());
}

TEST_F(RingCollective, aborts_the_running_one_until_the_device_has_heard) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  ASSERT_TRUE(post(barrier, 0, 8, 1).ok());
  engine_->abort_collective(3, 9);  // not this one
  EXPECT_TRUE(device_.aborts.empty());
  engine_->abort_collective(3, 8);
  ASSERT_EQ(device_.aborts.size(), 1u);
  EXPECT_EQ(device_.aborts[0], 3u << 16 | 8u);
  // The device had not started it: the driver says it again.
  const auto begin = std::chrono::steady_clock::now();
  while (device_.aborts.size() < 3 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(5))
    poll();
  EXPECT_GE(device_.aborts.size(), 3u);
  device_.consume();
  ASSERT_TRUE(device_.complete_collective(device::Status::kAborted));
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_ABORTED);
}

TEST_F(RingCollective, aborts_one_that_waits_without_the_device) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  constexpr std::uint16_t kMost = device::kCollectiveQueue;
  for (std::uint16_t k = 0; k < kMost + 2; ++k) ASSERT_TRUE(post(barrier, 0, k, k).ok());
  engine_->abort_collective(3, kMost);
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, kMost);
  EXPECT_EQ(done[0].status, TALLY_ERR_ABORTED);
  EXPECT_TRUE(device_.aborts.empty());
  run_to_end();
  poll();
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), kMost);
  EXPECT_EQ(device_.collectives.back().seq, kMost + 1);
}

TEST_F(RingCollective, aborts_each_of_several_under_way) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  for (std::uint16_t context = 0; context < 3; ++context) ASSERT_TRUE(post(barrier, 0, 5, context, context).ok());
  device_.consume();
  engine_->abort_collective(2, 5);
  engine_->abort_collective(0, 5);
  const std::set<std::uint32_t> told(device_.aborts.begin(), device_.aborts.end());
  EXPECT_EQ(told, (std::set<std::uint32_t>{2u << 16 | 5, 5}));
  ASSERT_TRUE(device_.complete_collective(device::Status::kAborted));
  EXPECT_EQ(poll().size(), 1u);
  device_.aborts.clear();
  const auto begin = std::chrono::steady_clock::now();
  while (device_.aborts.empty() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(5)) poll();
  for (const std::uint32_t word : device_.aborts) EXPECT_EQ(word, 2u << 16 | 5);
  EXPECT_FALSE(device_.aborts.empty());
}

TEST_F(RingCollective, fails_when_a_rank_of_it_does_not_answer) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  const Program pair = schedule::compile(schedule::barrier_dissemination(2), 0, {0, 1});
  ASSERT_TRUE(post(pair, 0, 0, 2, 1).ok());
  device_.consume();
  run_to_end();  // both schedules are there, so that all four below go to the device
  poll();
  ASSERT_TRUE(post(barrier, 0, 0, 1, 0).ok());
  ASSERT_TRUE(post(pair, 0, 1, 2, 1).ok());
  for (std::uint16_t k = 2; k < device::kCollectiveQueue; ++k) ASSERT_TRUE(post(barrier, 0, k, 1, 2).ok());
  ASSERT_TRUE(post(barrier, 0, 99, 3, 2).ok());
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), device::kCollectiveQueue);
  device::Cqe cqe{};
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kQpError);
  cqe.source = 2;
  cqe.detail = static_cast<std::uint32_t>(device::QpKind::kColl);
  ASSERT_TRUE(device_.push(cqe));
  auto done = poll();
  ASSERT_EQ(done.size(), 1u);  // the one that had not begun
  EXPECT_EQ(done[0].cookie, 3u);
  EXPECT_EQ(done[0].status, TALLY_ERR_PEER);
  EXPECT_EQ(device_.aborts.size(), device::kCollectiveQueue - 1);
  for (std::uint32_t k = 0; k < device::kCollectiveQueue; ++k) {
    const bool without = device_.collectives[0].context_id == 1;  // that rank takes no part in it
    ASSERT_TRUE(device_.complete_collective(without ? device::Status::kOk : device::Status::kAborted));
    done = poll();
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0].cookie, without ? 2u : 1u);
    EXPECT_EQ(done[0].status, without ? TALLY_OK : TALLY_ERR_PEER);
    if (!without) {
      EXPECT_EQ(done[0].source, 2u);
    }
  }
  EXPECT_EQ(post(barrier, 0, 3, 4).code(), TALLY_ERR_PEER);
}

TEST_F(RingCollective, needs_flows_that_hold_its_vector) {
  const Program fused = schedule::compile(schedule::allreduce_recursive_doubling_fused(4), 0, kFour);
  open(4, {.mtu = 1024});
  EXPECT_EQ(device_.registers[device::global_reg::kControl / 4], 3u);
  EXPECT_EQ(engine_->capabilities().flow_bytes, 8u * 1024);
  EXPECT_EQ(post(fused, 2049).code(), TALLY_ERR_UNSUPPORTED);
  EXPECT_TRUE(post(fused, 2048).ok());
}

TEST_F(RingCollective, flows_of_sends_and_of_small_packets_hold_less) {
  open(4, {.mtu = 1024, .coll_write = false});
  EXPECT_EQ(device_.registers[device::global_reg::kControl / 4], 1u);
  EXPECT_EQ(engine_->capabilities().flow_bytes, 8u * 960);
  open(4, {.mtu = 512});
  EXPECT_EQ(engine_->capabilities().flow_bytes, 8u * 448);
}

}  // namespace
TEST_F(RingCollective, takes_programs_sized_in_bytes_and_every_reduction_that_there_is) {
  open(4);
  const schedule::Schedule gather = schedule::gather_linear(4, 1);
  const Program in_bytes = schedule::compile(gather, 0, kFour, schedule::gatherv_layout(0, 1, 12, {}, {}));
  const Program equal = schedule::compile(gather, 0, kFour);
  EXPECT_TRUE(post(in_bytes, 0).ok());
  const auto reduction = [&](tally_dtype dtype, tally_op op) {
    return engine_
        ->post_collective({.program = &equal,
                           .input = memory_.data(),
                           .input_key = key_,
                           .count = 4,
                           .dtype = dtype,
                           .redop = op,
                           .context = 4})
        .code();
  };
  EXPECT_EQ(reduction(TALLY_F64, TALLY_PROD), TALLY_OK);
  EXPECT_EQ(reduction(TALLY_U8, TALLY_OP_NONE), TALLY_OK);
  EXPECT_EQ(reduction(TALLY_F64, TALLY_MAX), TALLY_OK);  // and without an output, which this rank has no use for
  EXPECT_EQ(reduction(TALLY_F64, TALLY_BAND), TALLY_ERR_ARGUMENT);
}

}  // namespace tally::test
