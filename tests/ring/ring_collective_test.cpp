// SPDX-License-Identifier: BSD-3-Clause
// Collectives: schedule memory, scratch, one at a time, abort.
#include "ring/ring_fixture.hpp"

namespace tally::test {
namespace {

using schedule::Program;

class RingCollective : public RingEngineTest {
 protected:
  Status post(const Program& program, std::uint64_t count, std::uint16_t seq = 0, std::uint32_t cookie = 0) {
    return engine_->post_collective({.program = &program,
                                     .input = memory_.data(),
                                     .output = memory_.data(),
                                     .input_key = key_,
                                     .output_key = key_,
                                     .count = count,
                                     .dtype = TALLY_I32,
                                     .redop = TALLY_SUM,
                                     .context = 3,
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
  EXPECT_EQ(d.total_bytes, 4004u);
  const std::uint64_t words = device_.schedule_words;
  ASSERT_TRUE(device_.complete_collective());
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, 42u);
  ASSERT_TRUE(post(ring, 10).ok());
  EXPECT_EQ(device_.schedule_words, words);
  run_to_end();
}

TEST_F(RingCollective, posts_one_by_one_in_order) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  for (std::uint16_t k = 0; k < 5; ++k) ASSERT_TRUE(post(barrier, 0, k, k).ok());
  for (std::uint16_t k = 0; k < 5; ++k) {
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), 1u);
    EXPECT_EQ(device_.collectives[0].seq, k);
    run_to_end();
    const auto done = poll();
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0].cookie, k);
  }
  EXPECT_EQ(counters().fallback_ring_full, 0u);
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
  ASSERT_TRUE(post(doubling, 100, 0).ok());
  ASSERT_TRUE(post(doubling, 100000, 1).ok());  // needs more while the first still has the old one
  ASSERT_TRUE(post(doubling, 100, 2).ok());
  device_.consume();
  const std::uint32_t first = device_.collectives[0].scratch_key;
  run_to_end();
  poll();
  device_.consume();
  EXPECT_NE(device_.collectives[0].scratch_key, first);
  EXPECT_EQ(device_.collectives[0].scratch_addr % 4096, 0u);
  run_to_end();
  poll();
  run_to_end();
  poll();
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
  const Status status = post(fused, 4097);
  EXPECT_EQ(status.code(), TALLY_ERR_ARGUMENT);
  EXPECT_NE(status.message().find("at most 16384"), std::string::npos);
  EXPECT_TRUE(post(fused, 4096).ok());
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
  for (std::uint16_t k = 0; k < 3; ++k) ASSERT_TRUE(post(barrier, 0, k, k).ok());
  engine_->abort_collective(3, 1);
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_ABORTED);
  EXPECT_TRUE(device_.aborts.empty());
  run_to_end();
  poll();
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), 1u);
  EXPECT_EQ(device_.collectives[0].seq, 2);
}

TEST_F(RingCollective, fails_when_a_rank_of_it_does_not_answer) {
  open(4);
  const Program barrier = schedule::compile(schedule::barrier_dissemination(4), 0, kFour);
  const Program pair = schedule::compile(schedule::barrier_dissemination(2), 0, {0, 1});
  ASSERT_TRUE(post(barrier, 0, 0, 1).ok());
  ASSERT_TRUE(post(pair, 0, 1, 2).ok());
  ASSERT_TRUE(post(barrier, 0, 2, 3).ok());
  device_.consume();
  device::Cqe cqe{};
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kQpError);
  cqe.source = 2;
  cqe.detail = static_cast<std::uint32_t>(device::QpKind::kColl);
  ASSERT_TRUE(device_.push(cqe));
  auto done = poll();
  ASSERT_EQ(done.size(), 1u);  // the one that had not begun
  EXPECT_EQ(done[0].cookie, 3u);
  EXPECT_EQ(done[0].status, TALLY_ERR_PEER);
  ASSERT_EQ(device_.aborts.size(), 1u);
  ASSERT_TRUE(device_.complete_collective(device::Status::kAborted));
  done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_PEER);
  EXPECT_EQ(done[0].source, 2u);
  run_to_end();  // without that rank
  EXPECT_EQ(poll()[0].status, TALLY_OK);
  EXPECT_EQ(post(barrier, 0, 3, 4).code(), TALLY_ERR_PEER);
}

TEST_F(RingCollective, needs_flows_that_hold_its_vector) {
  open(4, {.mtu = 1024});
  EXPECT_EQ(engine_->capabilities().flow_bytes, 8u * 960);
  const Program fused = schedule::compile(schedule::allreduce_recursive_doubling_fused(4), 0, kFour);
  EXPECT_EQ(post(fused, 1921).code(), TALLY_ERR_UNSUPPORTED);
  EXPECT_TRUE(post(fused, 1920).ok());
}

}  // namespace
}  // namespace tally::test
