// SPDX-License-Identifier: BSD-3-Clause
// Refused descriptors, disagreement between ranks, aborts, broken contexts, packets that break the rules.
#include "rtl_seq/run.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Dtype;
using device::MismatchField;
using device::Redop;
using device::Status;
using schedule::Instruction;
using schedule::Op;

/// A node alone that runs one descriptor, changed by `change`, and gives its completion.
template <typename Change>
device::Cqe refuse(Change change, const std::vector<schedule::Lane>& lanes = {{Instruction{.op = Op::kCopy}}},
                   unsigned scratch_chunks = 0) {
  std::mt19937_64 random(7);
  Cluster cluster(1, Timing{}, random());
  add_regions(cluster.node(0));
  load_program(cluster.node(0), 0, lanes, scratch_chunks);
  auto desc = make_desc(3, 0, Dtype::kI32, Redop::kSum, 100, 4, 1, 0, false);
  const Bytes output = bytes_at(cluster.node(0), kOutputAddr, 400);
  change(desc, cluster.node(0));
  cluster.node(0).post(desc);
  EXPECT_TRUE(cluster.run_to_completions(1));
  if (cluster.node(0).completions.empty()) return {};
  const auto cqe = cluster.node(0).completions[0];
  if (cqe.status != code(Status::kOk)) {
    EXPECT_EQ(bytes_at(cluster.node(0), kOutputAddr, 400), output);
  }
  EXPECT_EQ(cluster.node(0).protections, cqe.status == code(Status::kProtection) ? 1u : 0u);
  // The device goes on with another context.
  auto next = make_desc(4, 0, Dtype::kI32, Redop::kSum, 100, 4, 1, 900, false);
  load_program(cluster.node(0), 900, {{Instruction{.op = Op::kCopy}}}, 0);
  cluster.node(0).post(next);
  EXPECT_TRUE(cluster.run_to_completions(2));
  EXPECT_EQ(cluster.node(0).completions[1].status, 0);
  return cqe;
}

TEST(SeqErrors, bad_descriptor_fields_are_named) {
  struct { std::function<void(device::CollDesc&)> change; std::uint32_t detail; } cases[] = {
      {[](auto& d) { d.context_id = device::kCollectiveContexts; }, 2},
      {[](auto& d) { d.context_id = 0x8000; }, 2},
      {[](auto& d) { d.dtype = 21; }, 1},
      {[](auto& d) { d.dtype = 200; }, 1},
      {[](auto& d) { d.redop = 13; }, 6},
      {[](auto& d) { d.schedule = device::kScheduleEntries; }, 8},
  };
  for (const auto& c : cases) {
    const auto cqe = refuse([&](auto& d, Node&) { c.change(d); });
    EXPECT_EQ(cqe.status, code(Status::kBadField));
    EXPECT_EQ(cqe.detail, c.detail);
  }
}

TEST(SeqErrors, schedule_that_is_none_is_refused) {
  const auto with_header = [](unsigned entry, device::ScheduleHeader header) {
    return refuse([&](auto& d, Node& node) {
      node.write_schedule(entry, &header);
      d.schedule = static_cast<std::uint16_t>(entry);
    });
  };
  device::ScheduleHeader header{};
  for (const auto& [lanes, entry, length] : {std::tuple{0, 0, 1}, std::tuple{5, 0, 1}, std::tuple{1, 0, 1024},
                                             std::tuple{1, 1023, 1}, std::tuple{4, 0, 65535}}) {
    header.lanes = static_cast<std::uint8_t>(lanes);
    header.lane0_len = static_cast<std::uint16_t>(length);
    header.lane3_len = static_cast<std::uint16_t>(length);
    const auto cqe = with_header(static_cast<unsigned>(entry), header);
    EXPECT_EQ(cqe.status, code(Status::kBadField)) << lanes << " lanes of " << length << " at " << entry;
    EXPECT_EQ(cqe.detail, 8u);
  }
}

TEST(SeqErrors, malformed_instructions_touch_no_memory) {
  const auto run = [](const Instruction& i, unsigned scratch = 0) {
    return refuse([](auto&, Node&) {}, {{i}}, scratch);
  };
  const auto copy = Instruction{.op = Op::kCopy};
  auto i = copy;
  EXPECT_EQ(run(i).status, code(Status::kOk));
  i = copy; i.op = static_cast<Op>(9);
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "op";
  i = copy; i.src_buf = static_cast<schedule::Buffer>(3);
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "src_buf";
  i = copy; i.dst_buf = static_cast<schedule::Buffer>(3);
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "dst_buf";
  i = copy; i.src_chunk = 1;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "src_chunk";
  i = copy; i.dst_chunk = 0xffff;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "dst_chunk";
  i = copy; i.dst_buf = schedule::Buffer::kInput;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "Input written";
  i = copy; i.dst_buf = schedule::Buffer::kScratch;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "no scratch";
  EXPECT_EQ(run(i, 1).status, code(Status::kOk)) << "scratch";
  i = copy; i.has_dep = true; i.dep_lane = 4;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "dep_lane";
  i = copy; i.has_dep = true; i.dep_step = 2;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "dep_step";
  i = Instruction{.op = Op::kSend}; i.send_peer = 16;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "send_peer";
  i = Instruction{.op = Op::kRecv}; i.recv_peer = 0x1000;
  EXPECT_EQ(run(i).status, code(Status::kBadField)) << "recv_peer";
}

// Whatever is under way in the other lanes, and however slow memory and network are.
TEST(SeqErrors, bad_instruction_ends_the_collective_while_other_lanes_work) {
  for (unsigned k = 0; k < 40; ++k) {
    SCOPED_TRACE(k);
    Cluster cluster(1, Timing{.jitter = 50, .stall = k % 2 == 0 ? 0.1 : 0.5}, seed(860) + k);
    Node& node = cluster.node(0);
    add_regions(node);
    Instruction to_self{.op = Op::kSend}, from_self{.op = Op::kRecv}, bad{.op = Op::kSend};
    to_self.send_peer = from_self.recv_peer = bad.send_peer = 0;
    bad.send_lane = 4;
    std::vector<schedule::Lane> lanes(1 + k % 4);
    for (std::size_t l = 0; l < lanes.size(); ++l) {
      for (unsigned i = 0; i < k % 5; ++i) lanes[l].insert(lanes[l].end(), {to_self, from_self});
    }
    lanes.back().push_back(bad);
    for (std::size_t l = 0; l < lanes.size(); ++l) lanes[l].insert(lanes[l].end(), {to_self, from_self});
    load_program(node, 0, lanes, 0);
    node.post(make_desc(3, 0, Dtype::kI32, Redop::kSum, k % 3 == 0 ? 100 : 5000, 4, 1, 0, false));
    ASSERT_TRUE(cluster.run_to_completions(1));
    EXPECT_EQ(node.completions[0].status, code(Status::kBadField));
    EXPECT_EQ(node.completions[0].detail, 8u);
    load_program(node, 900, {{Instruction{.op = Op::kCopy}}}, 0);
    node.post(make_desc(4, 0, Dtype::kI32, Redop::kSum, 100, 4, 1, 900, false));
    ASSERT_TRUE(cluster.run_to_completions(2));
    EXPECT_EQ(node.completions[1].status, code(Status::kOk));
  }
}

TEST(SeqErrors, buffers_outside_regions_are_refused_with_their_key) {
  const auto is = [](const device::Cqe& cqe, std::uint32_t key) {
    EXPECT_EQ(cqe.status, code(Status::kProtection));
    EXPECT_EQ(cqe.detail, key);
  };
  is(refuse([](auto& d, Node&) { d.input_key = 0x999; }), 0x999);
  is(refuse([](auto& d, Node&) { d.output_key = 0x888; }), 0x888);
  is(refuse([](auto& d, Node&) { d.output_addr -= 1; }), kOutputKey);
  is(refuse([](auto& d, Node&) { d.count = 0x40000; }), kInputKey);
  is(refuse([](auto& d, Node&) { d.scratch_key = 1; }, {{Instruction{.op = Op::kCopy}}}, 1), 1);
  is(refuse([](auto& d, Node&) { d.chunk_bytes = 0x40000000; }, {{Instruction{.op = Op::kCopy}}}, 4), kScratchKey);
  EXPECT_EQ(refuse([](auto& d, Node&) { d.scratch_key = 1; }).status, code(Status::kOk)) << "scratch not used";
}

/// Two ranks that disagree: both end with Mismatch, the context is broken, another one works.
void disagree(const std::function<void(device::CollDesc&)>& change, MismatchField field) {
  std::mt19937_64 random(seed(40));
  Cluster cluster(2, Timing{}, random());
  const Case c = make_case(schedule::allreduce_ring(2));
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, c.ranks[r], c.scratch_chunks);
    auto desc = make_desc(9, 0, Dtype::kI32, Redop::kSum, 5000, 4, 2, 0, false);
    if (r == 1) change(desc);
    cluster.node(r).post(desc);
  }
  ASSERT_TRUE(cluster.run_to_completions(1));
  for (unsigned r = 0; r < 2; ++r) {
    const auto& cqe = cluster.node(r).completions[0];
    EXPECT_EQ(cqe.status, code(Status::kMismatch));
    EXPECT_EQ(cqe.source, 1 - r);
    EXPECT_EQ(cqe.detail >> 24, static_cast<std::uint32_t>(field));
    auto other = make_desc(9, 0, Dtype::kI32, Redop::kSum, 5000, 4, 2, 0, false);
    if (r == 0) change(other);
    EXPECT_EQ(cqe.detail & 0xffffff, std::min<std::uint32_t>(other.count, 0xffffff));
  }
  // The same context: Aborted, until the endpoint is enabled again.
  for (unsigned r = 0; r < 2; ++r) {
    cluster.node(r).post(make_desc(9, 1, Dtype::kI32, Redop::kSum, 5000, 4, 2, 0, false));
  }
  ASSERT_TRUE(cluster.run_to_completions(2));
  EXPECT_EQ(cluster.node(0).completions[1].status, code(Status::kAborted));
  EXPECT_EQ(cluster.node(1).completions[1].status, code(Status::kAborted));
  Case next = c;
  next.count = 60000;
  next.context = 10;
  run_case(cluster, next, random);
  for (unsigned r = 0; r < 2; ++r) cluster.node(r).set_enable(false);
  for (unsigned i = 0; i < 5; ++i) cluster.cycle();
  for (unsigned r = 0; r < 2; ++r) cluster.node(r).set_enable(true);
  for (unsigned i = 0; i < 5; ++i) cluster.cycle();
  next.context = 9;
  next.seq = 2;
  run_case(cluster, next, random);
}

TEST(SeqErrors, other_count_ends_with_mismatch) {
  disagree([](auto& d) { d.count = 4999; }, MismatchField::kCount);
}
TEST(SeqErrors, huge_count_is_saturated) {
  std::mt19937_64 random(seed(47));
  Cluster cluster(2, Timing{}, random());
  add_regions(cluster.node(0));
  Instruction recv{.op = Op::kRecv};
  recv.recv_peer = 1;
  load_program(cluster.node(0), 0, {{recv}}, 0);
  cluster.node(0).post(make_desc(9, 3, Dtype::kI32, Redop::kSum, 50, 4, 1, 0, false));
  for (unsigned i = 0; i < 100; ++i) cluster.cycle();
  device::MsgHeader head{};
  head.ptype = static_cast<std::uint8_t>(device::PacketType::kColl);
  head.flags = device::kWireFlagShort | device::kWireFlagLast;
  head.src_rank = 1;
  head.context_id = 9;
  head.seq = 3;
  head.count = 0x2000000;
  Packet packet;
  packet.beats.resize(1);
  std::memcpy(packet.beats[0].data(), &head, sizeof head);
  cluster.inject(1, 0, packet);
  ASSERT_TRUE(cluster.run_until([&] { return !cluster.node(0).completions.empty(); }, 10000));
  EXPECT_EQ(cluster.node(0).completions[0].status, code(Status::kMismatch));
  EXPECT_EQ(cluster.node(0).completions[0].detail & 0xffffff, 0xffffffu);
}
TEST(SeqErrors, other_type_ends_with_mismatch) {
  disagree([](auto& d) { d.dtype = static_cast<std::uint8_t>(Dtype::kF32); }, MismatchField::kDtype);
}
TEST(SeqErrors, other_operation_ends_with_mismatch) {
  disagree([](auto& d) { d.redop = static_cast<std::uint8_t>(Redop::kMax); }, MismatchField::kRedop);
}
TEST(SeqErrors, other_signature_ends_with_mismatch) {
  disagree([](auto& d) { d.signature = 1; }, MismatchField::kSignature);
}
TEST(SeqErrors, other_packet_lengths_end_with_mismatch) {
  // Equal on paper, but cut differently: no rank takes a packet of another length than it expects.
  std::mt19937_64 random(seed(41));
  Cluster cluster(2, Timing{}, random());
  const Case c = make_case(schedule::allreduce_ring(2));
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, c.ranks[r], c.scratch_chunks);
    auto desc = make_desc(9, 0, Dtype::kI32, Redop::kSum, 500, 4, 2, 0, false);
    if (r == 1) desc.chunk_bytes = 1200;
    cluster.node(r).post(desc);
  }
  ASSERT_TRUE(cluster.run_to_completions(1));
  for (unsigned r = 0; r < 2; ++r) {
    EXPECT_EQ(cluster.node(r).completions[0].status, code(Status::kMismatch));
    EXPECT_EQ(cluster.node(r).completions[0].detail >> 24, static_cast<std::uint32_t>(MismatchField::kSignature));
  }
}

TEST(SeqErrors, peer_that_skipped_a_collective_is_a_mismatch) {
  std::mt19937_64 random(seed(42));
  Cluster cluster(2, Timing{}, random());
  const Case c = make_case(schedule::allreduce_ring(2));
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, c.ranks[r], c.scratch_chunks);
  }
  cluster.node(0).post(make_desc(9, 0, Dtype::kI32, Redop::kSum, 5000, 4, 2, 0, false));
  cluster.node(1).post(make_desc(9, 1, Dtype::kI32, Redop::kSum, 5000, 4, 2, 0, false));
  ASSERT_TRUE(cluster.run_until([&] { return !cluster.node(0).completions.empty(); }, 100000));
  EXPECT_EQ(cluster.node(0).completions[0].status, code(Status::kMismatch));
  EXPECT_EQ(cluster.node(0).completions[0].source, 1);
  EXPECT_EQ(cluster.node(0).completions[0].detail, 0x08000000u | 5000);
  // Nobody asked the other one for data of collective 0.
  ASSERT_TRUE(cluster.run_until([&] { return !cluster.node(1).completions.empty(); }, 100000));
  EXPECT_EQ(cluster.node(1).completions[0].status, code(Status::kMismatch));
  EXPECT_EQ(cluster.node(1).completions[0].source, 0);
  EXPECT_EQ(cluster.node(1).completions[0].detail, 0x08000000u | 5000);
}

TEST(SeqErrors, abort_of_another_collective_ends_nothing) {
  std::mt19937_64 random(seed(44));
  Cluster cluster(2, Timing{}, random());
  const Case c = make_case(schedule::allreduce_ring(2));
  add_regions(cluster.node(1));
  load_program(cluster.node(1), 0, c.ranks[1], c.scratch_chunks);
  cluster.node(1).post(make_desc(9, 1, Dtype::kI32, Redop::kSum, 5000, 4, 2, 0, false));
  for (unsigned i = 0; i < 3000; ++i) cluster.cycle();
  cluster.node(1).abort(9, 0);
  cluster.node(1).abort(8, 1);
  for (unsigned i = 0; i < 1000; ++i) cluster.cycle();
  EXPECT_TRUE(cluster.node(1).completions.empty());
  cluster.node(1).abort(9, 1);
  ASSERT_TRUE(cluster.run_until([&] { return !cluster.node(1).completions.empty(); }, 100000));
  EXPECT_EQ(cluster.node(1).completions[0].status, code(Status::kAborted));
}

TEST(SeqErrors, abort_at_any_time_leaves_a_working_device) {
  std::mt19937_64 random(seed(43));
  Timing timing;
  timing.stall = 0.1;
  Cluster cluster(3, timing, random());
  const Case c = make_case(schedule::allreduce_ring(3));
  for (std::uint16_t i = 0; i < 12; ++i) {
    const std::size_t before = cluster.node(0).completions.size();
    for (unsigned r = 0; r < 3; ++r) {
      add_regions(cluster.node(r));
      load_program(cluster.node(r), 0, c.ranks[r], c.scratch_chunks);
      const auto context = static_cast<std::uint16_t>(20 + i);
      cluster.node(r).post(make_desc(context, 0, Dtype::kI32, Redop::kSum, 60000, 4, 3, 0, false));
    }
    const std::uint64_t when = random() % 4000;
    for (std::uint64_t k = 0; k < when; ++k) cluster.cycle();
    for (unsigned r = 0; r < 3; ++r) cluster.node(r).abort(static_cast<std::uint16_t>(20 + i), 0);
    ASSERT_TRUE(cluster.run_to_completions(before + 1)) << "aborted after " << when;
    for (unsigned r = 0; r < 3; ++r) {
      const auto status = cluster.node(r).completions.back().status;
      EXPECT_TRUE(status == code(Status::kAborted) || status == code(Status::kOk)) << int{status};
    }
    Case next = c;
    next.seq = i;
    next.count = 3000;
    run_case(cluster, next, random);
    if (HasFatalFailure()) return;
  }
}

TEST(SeqErrors, abort_of_a_waiting_collective_is_kept) {
  std::mt19937_64 random(seed(44));
  Cluster cluster(2, Timing{}, random());
  const Case c = make_case(schedule::allreduce_ring(2));
  Node& node = cluster.node(0);
  add_regions(node);
  load_program(node, 0, c.ranks[0], c.scratch_chunks);
  // All slots wait for the other rank; one more waits for a slot.
  for (std::uint16_t k = 0; k < device::kCollectiveSlots; ++k) {
    node.post(make_desc(static_cast<std::uint16_t>(10 + k), 0, Dtype::kI32, Redop::kSum, 50, 4, 2, 0, false));
  }
  node.post(make_desc(2, 7, Dtype::kI32, Redop::kSum, 50, 4, 2, 0, false));
  for (unsigned i = 0; i < 500; ++i) cluster.cycle();
  node.abort(2, 7);
  for (unsigned i = 0; i < 500; ++i) cluster.cycle();
  EXPECT_TRUE(node.completions.empty());
  node.abort(10, 0);
  ASSERT_TRUE(cluster.run_until([&] { return node.completions.size() == 2; }, 10000));
  for (unsigned i = 0; i < 2000; ++i) cluster.cycle();
  ASSERT_EQ(node.completions.size(), 2u);
  EXPECT_EQ(node.completions[0].status, code(Status::kAborted));
  EXPECT_EQ(node.completions[0].context_id, 10);
  EXPECT_EQ(node.completions[1].status, code(Status::kAborted));
  EXPECT_EQ(node.completions[1].context_id, 2);
}

TEST(SeqErrors, path_mtu_that_there_is_not_still_gives_packets_that_fit) {
  // What the register Pmtu may hold by mistake: 64 and less, no multiple of 64, more than 4096.
  for (const auto& [port, payload] : {std::pair{0, 64u}, {36, 64u}, {1000, 960u}, {4033, 4032u}, {8191, 4096u}}) {
    std::mt19937_64 random(seed(46));
    Timing timing;
    timing.max_payload = payload;
    timing.max_payload_port = port;
    Cluster cluster(2, timing, random());
    Case c = make_case(schedule::allreduce_ring(2));
    c.count = 3000;
    SCOPED_TRACE(port);
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

TEST(SeqErrors, packets_that_break_the_rules_are_discarded) {
  std::mt19937_64 random(seed(45));
  Cluster cluster(2, Timing{}, random());
  const auto packet = [](unsigned len, unsigned beats, unsigned lane, unsigned src, unsigned context) {
    device::MsgHeader h{};
    h.ptype = static_cast<std::uint8_t>(device::PacketType::kColl);
    h.payload_len = static_cast<std::uint16_t>(len);
    h.lane = static_cast<std::uint8_t>(lane);
    h.src_rank = static_cast<std::uint16_t>(src);
    h.context_id = static_cast<std::uint16_t>(context);
    Packet p;
    p.beats.resize(1 + beats);
    std::memcpy(p.beats[0].data(), &h, 64);
    return p;
  };
  cluster.inject(1, 0, packet(100, 1, 0, 1, 5));     // shorter than it says
  cluster.inject(1, 0, packet(100, 3, 0, 1, 5));     // longer
  cluster.inject(1, 0, packet(0, 1, 0, 1, 5));
  cluster.inject(1, 0, packet(64, 0, 0, 1, 5));
  cluster.inject(1, 0, packet(5000, 79, 0, 1, 5));   // above max_payload
  cluster.inject(1, 0, packet(4033, 64, 0, 1, 5));
  cluster.inject(1, 0, packet(4096, 64, 0, 1, 5));
  cluster.inject(1, 0, packet(4096, 200, 0, 1, 5));
  cluster.inject(1, 0, packet(64, 1, 4, 1, 5));      // no such lane
  cluster.inject(1, 0, packet(64, 1, 0, 16, 5));     // no such rank
  for (unsigned i = 0; i < 2000; ++i) cluster.cycle();
  for (std::uint16_t i = 0; i < 3; ++i) {
    Case c = make_case(schedule::allreduce_ring(2));
    c.count = 20000;
    c.seq = i;
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
