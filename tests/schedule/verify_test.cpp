// SPDX-License-Identifier: BSD-3-Clause
// The verifier rejects what is broken, and says where.
#include <gtest/gtest.h>

#include "schedule/schedule.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

Lane& lane(Schedule& s, std::size_t rank, std::size_t index = 0) { return s.ranks[rank].lanes[index]; }

/// The reason names a place, and holds `text`.
void expect_rejected(const Schedule& s, const std::string& text) {
  const std::string reason = verify(s);
  EXPECT_NE(reason.find(text), std::string::npos) << "reason: " << reason;
  for (const char* part : {"rank ", ", lane ", ", step "}) {
    EXPECT_NE(reason.find(part), std::string::npos) << "reason: " << reason;
  }
}

Instruction instruction(Op op, int recv_peer, int send_peer, Buffer src = Buffer::kInput,
                        Buffer dst = Buffer::kOutput) {
  Instruction i;
  i.op = op;
  i.recv_peer = recv_peer;
  i.send_peer = send_peer;
  i.src_buf = src;
  i.dst_buf = dst;
  return i;
}

/// `ranks` empty ranks of `lanes` lanes.
Schedule blank(Collective collective, std::size_t ranks, std::size_t lanes = 1) {
  Schedule s;
  s.collective = collective;
  s.ranks.resize(ranks);
  for (RankSchedule& rank : s.ranks) rank.lanes.resize(lanes);
  return s;
}

TEST(Verify, rejects_a_dropped_send) {
  Schedule s = allreduce_recursive_doubling_fused(4);
  lane(s, 2).erase(lane(s, 2).begin());
  expect_rejected(s, "sends it nothing");
}

TEST(Verify, rejects_a_dropped_receive_as_undelivered) {
  Schedule s = bcast_binomial(4, 0);
  lane(s, 3).pop_back();
  expect_rejected(s, "rank 2, lane 0, step 0 (RecvCopySend) sends to rank 3, which never receives it");
}

TEST(Verify, rejects_an_undelivered_message) {
  Schedule s = barrier_dissemination(3);
  lane(s, 1).push_back(instruction(Op::kSend, kNoPeer, 0));
  expect_rejected(s, "rank 1, lane 0, step 3 (Send) sends to rank 0");
  expect_rejected(s, "undelivered");
}

TEST(Verify, rejects_a_swapped_peer) {
  Schedule s = allreduce_ring(4);
  for (Instruction& i : lane(s, 1)) std::swap(i.send_peer, i.recv_peer);
  EXPECT_NE(verify(s), "");
  s = barrier_dissemination(8);
  lane(s, 5)[1].send_peer = 6;
  expect_rejected(s, "");
}

TEST(Verify, rejects_a_double_contribution) {
  Schedule s = allreduce_recursive_doubling_fused(2);
  // Rank 0 counts itself again: its sum is in Output, its contribution in Input.
  lane(s, 0).push_back(instruction(Op::kReduce, kNoPeer, kNoPeer));
  expect_rejected(s, "rank 0, lane 0, step 2 (Reduce): counts the contribution of rank 0 twice");
}

TEST(Verify, rejects_a_missing_contribution) {
  Schedule s = allreduce_recursive_doubling_fused(2);
  lane(s, 1)[1].op = Op::kRecv;
  expect_rejected(s,
                  "rank 1, lane 0, step 1 (Recv) leaves Output chunk 0 without the contribution of rank 1");
}

TEST(Verify, rejects_a_missing_dependency_as_a_race) {
  Schedule s = allreduce_recursive_doubling(4);
  for (std::size_t l = 0; l < 2; ++l) {
    for (Instruction& i : lane(s, 3, l)) i.has_dep = false;
  }
  expect_rejected(s, "race: rank 3, lane");
}

TEST(Verify, rejects_every_single_dependency_removed_from_recursive_doubling) {
  const Schedule good = allreduce_recursive_doubling(8);
  int removed = 0;
  for (std::size_t r = 0; r < 8; ++r) {
    for (std::size_t l = 0; l < 2; ++l) {
      for (std::size_t k = 0; k < good.ranks[r].lanes[l].size(); ++k) {
        if (!good.ranks[r].lanes[l][k].has_dep) continue;
        Schedule s = good;
        lane(s, r, l)[k].has_dep = false;
        // Where the lane itself orders the accesses a dependency may be spare; what is accepted must be
        // right, which Verify.accepts_only_what_computes_the_sum tests.
        if (!verify(s).empty()) ++removed;
      }
    }
  }
  EXPECT_GE(removed, 16);  // two a rank at least
}

TEST(Verify, rejects_a_deadlock_of_receives) {
  Schedule s = blank(Collective::kBarrier, 2);
  for (std::size_t r = 0; r < 2; ++r) {
    const int other = static_cast<int>(1 - r);
    s.ranks[r].lanes[0] = {instruction(Op::kRecv, other, kNoPeer), instruction(Op::kSend, kNoPeer, other)};
  }
  expect_rejected(s,
                  "deadlock: rank 0, lane 0, step 0 (Recv) waits for data of rank 1, lane 0, step 1 (Send)");
}

TEST(Verify, rejects_a_cycle_of_fused_steps_without_a_source) {
  Schedule s = blank(Collective::kBarrier, 3);
  for (int r = 0; r < 3; ++r) {
    lane(s, static_cast<std::size_t>(r)).push_back(instruction(Op::kRecvCopySend, (r + 2) % 3, (r + 1) % 3));
  }
  expect_rejected(s, "deadlock");
}

TEST(Verify, rejects_sends_before_receives_for_vectors_of_any_size) {
  Schedule s = allreduce_recursive_doubling_fused(4);
  s.max_bytes = 0;
  expect_rejected(s, "deadlock");
  expect_rejected(s, "which has not started");
}

TEST(Verify, rejects_a_dependency_cycle) {
  Schedule s = blank(Collective::kBarrier, 1, 2);
  for (std::size_t l = 0; l < 2; ++l) {
    Instruction i;
    i.has_dep = true;
    i.dep_lane = static_cast<std::uint8_t>(1 - l);
    i.dep_step = 1;
    lane(s, 0, l).push_back(i);
  }
  expect_rejected(s, "waits until lane 1 has completed 1 steps");
}

TEST(Verify, rejects_a_chunk_out_of_range) {
  Schedule s = allreduce_ring(3);
  lane(s, 1)[0].src_chunk = 3;
  expect_rejected(s, "rank 1, lane 0, step 0");
  expect_rejected(s, "out of range: the rank has 3");
  s = allreduce_recursive_doubling(4);
  s.scratch_chunks = 0;
  expect_rejected(s, "out of range: the rank has 0");
  s = allreduce_ring(3);
  lane(s, 0)[0].size_chunk = 7;
  expect_rejected(s, "size_chunk 7");
}

TEST(Verify, rejects_a_chunk_that_lands_in_the_place_of_another) {
  Schedule s = allreduce_ring(3);
  lane(s, 2, 2).back().dst_chunk = 1;
  expect_rejected(s, "the bytes are not those of its place");
}

TEST(Verify, rejects_sizes_that_differ_between_sender_and_receiver) {
  Schedule s = allreduce_ring(3);
  Instruction& i = lane(s, 0)[0];
  i.src_chunk = i.size_chunk = 2;
  expect_rejected(s, "expects chunks [0, +1)");
}

TEST(Verify, rejects_ranks_that_combine_in_different_associations) {
  // Four ranks; rank 0 gathers and sums ((0 + 1) + 2) + 3, rank 3 does ((3 + 2) + 1) + 0; both complete,
  // unequal bits.
  Schedule s = blank(Collective::kAllreduce, 4);
  s.max_bytes = kUnaskedBytes;
  s.unasked = true;
  const auto gather = [&](int root) {
    for (int step = 1; step < 4; ++step) {
      const int peer = root == 0 ? step : 3 - step;
      lane(s, static_cast<std::size_t>(peer)).push_back(instruction(Op::kSend, kNoPeer, root));
    }
  };
  const auto sum = [&](int root) {
    for (int step = 1; step < 4; ++step) {
      const int peer = root == 0 ? step : 3 - step;
      lane(s, static_cast<std::size_t>(root))
          .push_back(
              instruction(Op::kRecvReduceCopy, peer, kNoPeer, step == 1 ? Buffer::kInput : Buffer::kOutput));
    }
  };
  gather(0);
  gather(3);
  sum(0);
  sum(3);
  for (int peer : {1, 2}) {
    lane(s, 0).push_back(instruction(Op::kSend, kNoPeer, peer, Buffer::kOutput));
    lane(s, static_cast<std::size_t>(peer)).push_back(instruction(Op::kRecv, 0, kNoPeer));
  }
  expect_rejected(
      s, "rank 3, lane 0, step 3 (RecvReduceCopy) leaves Output chunk 0 combined in another association");
}

TEST(Verify, rejects_what_clobbers_its_input_in_place_only) {
  // Two ranks; rank 0 receives into Output before it sends Input: right out of place, wrong where they are
  // one memory.
  Schedule s = blank(Collective::kAllreduce, 2);
  lane(s, 1) = {instruction(Op::kSend, kNoPeer, 0), instruction(Op::kRecvReduceCopy, 0, kNoPeer)};
  lane(s, 0) = {instruction(Op::kRecv, 1, kNoPeer), instruction(Op::kSend, kNoPeer, 1),
                instruction(Op::kReduce, kNoPeer, kNoPeer)};
  expect_rejected(s, "(in place)");
  expect_rejected(s, "reads Input chunk 0, which rank 0, lane 0, step 0 (Recv) has written as Output");
}

TEST(Verify, rejects_a_race_that_only_sharing_memory_makes) {
  Schedule s = allreduce_recursive_doubling(2);
  // Without the detour through scratch the exchange writes Output while it sends Input.
  for (std::size_t r = 0; r < 2; ++r) {
    for (auto& l : s.ranks[r].lanes) {
      std::erase_if(l, [](const Instruction& i) { return i.op == Op::kCopy; });
      for (Instruction& i : l) {
        if (i.op == Op::kRecvReduceCopy) i.dst_buf = Buffer::kOutput;
      }
    }
  }
  expect_rejected(s, "race");
  expect_rejected(s, "(in place)");
}

TEST(Verify, rejects_a_write_that_a_message_may_overtake) {
  // Rank 0 passes the root's data on while it still writes it; the echo of rank 2 may land before that write
  // is done.
  Schedule s = blank(Collective::kBcast, 3, 2);
  s.root = 1;
  lane(s, 1) = {instruction(Op::kSend, kNoPeer, 0)};
  lane(s, 0) = {instruction(Op::kRecvCopySend, 1, 2)};
  lane(s, 2) = {instruction(Op::kRecv, 0, kNoPeer)};
  EXPECT_EQ(verify(s), "");
  lane(s, 2, 1) = {instruction(Op::kSend, kNoPeer, 0, Buffer::kOutput)};
  lane(s, 2, 1)[0].has_dep = true;
  lane(s, 2, 1)[0].dep_step = 1;
  lane(s, 0, 1) = {instruction(Op::kRecv, 2, kNoPeer)};
  expect_rejected(s, "race: rank 0, lane 1, step 0 (Recv) writes Output chunk 0");
  lane(s, 0, 1)[0].has_dep = true;
  lane(s, 0, 1)[0].dep_step = 1;
  EXPECT_EQ(verify(s), "");
}

TEST(Verify, rejects_a_flow_of_two_sending_lanes) {
  Schedule s = blank(Collective::kBarrier, 2, 2);
  for (std::size_t r = 0; r < 2; ++r) {
    const int other = static_cast<int>(1 - r);
    s.ranks[r].lanes[0] = {instruction(Op::kSend, kNoPeer, other), instruction(Op::kRecv, other, kNoPeer)};
    s.ranks[r].lanes[1] = s.ranks[r].lanes[0];
    s.ranks[r].lanes[0][0].send_lane = 1;
    s.ranks[r].lanes[1][0].send_lane = 0;
  }
  EXPECT_EQ(verify(s), "");
  lane(s, 0, 1)[0].send_lane = 1;
  expect_rejected(
      s, "rank 0, lane 1, step 0 (Send) sends to rank 1 in lane 1, as rank 0, lane 0, step 0 (Send)");
  lane(s, 0, 1)[0].send_lane = 4;
  expect_rejected(s, "send_lane 4 is not below 4");
}

TEST(Verify, rejects_passes_that_share_scratch) {
  // Rank 1 sums what it gets in one lane in scratch, which another lane takes from there.
  Schedule s = blank(Collective::kReduce, 2, 2);
  s.root = 1;
  s.scratch_chunks = 1;
  lane(s, 0) = {instruction(Op::kSend, kNoPeer, 1)};
  lane(s, 1) = {instruction(Op::kRecvReduceCopy, 0, kNoPeer, Buffer::kInput, Buffer::kScratch)};
  lane(s, 1, 1) = {instruction(Op::kCopy, kNoPeer, kNoPeer, Buffer::kScratch)};
  lane(s, 1, 1)[0].has_dep = true;
  lane(s, 1, 1)[0].dep_step = 1;
  EXPECT_EQ(verify(s), "");
  s.max_chunk_bytes = 64;
  expect_rejected(s, "race");
  expect_rejected(s, "(of several passes in one)");
}

TEST(Verify, rejects_a_read_of_nothing) {
  Schedule s = allreduce_recursive_doubling_fused(4);
  lane(s, 0)[1].src_buf = Buffer::kOutput;
  expect_rejected(
      s, "rank 0, lane 0, step 1 (RecvReduceCopySend): reads Output chunk 0, which holds nothing yet");
}

TEST(Verify, rejects_a_write_to_input) {
  Schedule s = allreduce_recursive_doubling_fused(2);
  lane(s, 0)[1].dst_buf = Buffer::kInput;
  expect_rejected(s, "destination is Input");
}

TEST(Verify, rejects_peers_that_are_not_in_the_group) {
  Schedule s = barrier_dissemination(4);
  lane(s, 2)[0].send_peer = 4;
  expect_rejected(s, "send_peer 4 is not a rank of 4");
  s = barrier_dissemination(4);
  lane(s, 2)[0].send_peer = 2;
  expect_rejected(s, "send_peer is the rank itself");
}

TEST(Verify, rejects_a_barrier_that_lets_a_rank_pass) {
  Schedule s = blank(Collective::kBarrier, 3);
  lane(s, 0) = {instruction(Op::kSend, kNoPeer, 1)};
  lane(s, 1) = {instruction(Op::kRecvCopySend, 0, 2)};
  lane(s, 2) = {instruction(Op::kRecv, 1, kNoPeer)};
  expect_rejected(s, "rank 0, lane 0, step 0 (Send) may end before rank 1 has entered the barrier");
}

TEST(Verify, rejects_a_bcast_of_the_wrong_root) {
  Schedule s = bcast_binomial(5, 2);
  s.root = 3;
  EXPECT_NE(verify(s), "");
}

TEST(Verify, rejects_too_many_lanes_and_flows_that_no_engine_has) {
  Schedule s = barrier_dissemination(2);
  s.ranks[0].lanes.resize(5);
  EXPECT_NE(verify(s).find("rank 0 has 5 lanes"), std::string::npos);
  s = allreduce_recursive_doubling_fused(2);
  s.max_bytes = kFlowBytes + 1;
  EXPECT_NE(verify(s).find("more than a flow holds"), std::string::npos);
}

}  // namespace
}  // namespace tally::test
