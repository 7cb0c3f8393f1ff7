// SPDX-License-Identifier: BSD-3-Clause
// What a schedule may say beside its instructions: passes, sizes in bytes, buffers that are not used, Input in the
// descriptor, receiving lanes.
#include "rtl_seq/run.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Dtype;
using device::Redop;
using device::Status;
using schedule::Buffer;
using schedule::Instruction;
using schedule::Op;

/// One node runs `loaded` with a descriptor changed by `change`.
device::Cqe run_alone(Cluster& cluster, const Loaded& loaded, const std::function<void(device::CollDesc&)>& change) {
  Node& node = cluster.node(0);
  add_regions(node);
  load_program(node, 0, loaded);
  const std::size_t before = node.completions.size();
  auto desc = make_desc(static_cast<std::uint16_t>(before % 64), 0, Dtype::kI32, Redop::kSum, 100, 4, 1, 0, false);
  change(desc);
  node.post(desc);
  EXPECT_TRUE(cluster.run_to_completions(before + 1));
  return node.completions.size() > before ? node.completions.back() : device::Cqe{};
}

TEST(SeqForms, vectors_longer_than_a_pass_take_several) {
  // Tails are odd, the last pass may be one element. Schedules whose lanes share scratch must order its reuse: not these.
  std::mt19937_64 random(seed(700));
  for (unsigned n = 0; n < 4 * effort(); ++n) {
    Timing timing;
    timing.stall = static_cast<double>(n % 2) * 0.2;
    timing.jitter = 30;
    timing.max_payload = kPayloads[n % std::size(kPayloads)];
    const int ranks = 2 + static_cast<int>(n % 3);
    Cluster cluster(static_cast<unsigned>(ranks), timing, random());
    for (std::uint16_t i = 0; i < 3; ++i) {
      Case c = make_case(i == 1 ? schedule::allreduce_recursive_doubling_fused(ranks) : schedule::allreduce_ring(ranks));
      c.dtype = i == 0 ? Dtype::kI16 : Dtype::kF64;
      const std::uint32_t element = element_bytes(c.dtype);
      c.chunk_bytes = (1 + random() % 60) * element * (i == 2 ? 10 : 1);
      c.pass_chunks = static_cast<std::uint16_t>(c.chunks);
      const auto pass = static_cast<std::uint32_t>(c.chunks * c.chunk_bytes / element);
      c.count = pass * (2 + static_cast<std::uint32_t>(random() % 5)) + (i == 0 ? 1 : static_cast<std::uint32_t>(random() % pass));
      c.in_place = i == 1;
      c.seq = i;
      SCOPED_TRACE("cluster " + std::to_string(n) + " count " + std::to_string(c.count) + " chunk " +
                   std::to_string(c.chunk_bytes));
      run_case(cluster, c, random);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(SeqForms, lanes_wait_for_each_other_within_a_pass) {
  // Lane 1 doubles what lane 0 has copied; lane 0 overwrites scratch only when lane 1 has ended the pass before, which
  // the Nop at its start tells.
  std::mt19937_64 random(seed(701));
  Timing timing;
  timing.stall = 0.2;
  Cluster cluster(1, timing, random());
  Instruction fill{.op = Op::kCopy}, ready, twice{.op = Op::kCopy}, again{.op = Op::kReduce};
  fill.dst_buf = Buffer::kScratch;
  fill.has_dep = true;
  fill.dep_lane = 1;
  fill.dep_step = 1;
  twice.src_buf = again.src_buf = Buffer::kScratch;
  twice.has_dep = true;
  twice.dep_lane = 0;
  twice.dep_step = 1;
  Case c;
  c.ranks = {{{fill}, {ready, twice, again}}};
  c.scratch_chunks = 1;
  c.pass_chunks = 1;
  for (const unsigned bytes : {4u, 60u, 5000u}) {
    c.chunk_bytes = bytes;
    c.count = bytes / 4 * 6 + 1;
    ++c.seq;
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

TEST(SeqForms, pass_of_no_bytes_is_refused) {
  Cluster cluster(1, Timing{}, seed(702));
  Loaded loaded{.lanes = {{Instruction{.op = Op::kCopy}}}, .pass_chunks = 1};
  const auto cqe = run_alone(cluster, loaded, [](auto& d) { d.chunk_bytes = 0; });
  EXPECT_EQ(cqe.status, code(Status::kBadField));
  EXPECT_EQ(cqe.detail, offsetof(device::CollDesc, chunk_bytes));
}

// Passes are counted in 16 bits.
TEST(SeqForms, more_passes_than_are_counted_are_refused) {
  for (const std::uint32_t bytes : {1u, 1000u}) {
    Cluster cluster(1, Timing{}, seed(706));
    Loaded loaded{.lanes = {{Instruction{.op = Op::kCopy}}}, .pass_chunks = 1};
    const auto cqe = run_alone(cluster, loaded, [&](auto& d) {
      d.dtype = static_cast<std::uint8_t>(Dtype::kByte);
      d.redop = static_cast<std::uint8_t>(Redop::kNone);
      d.chunk_bytes = bytes;
      d.count = 65535 * bytes + 1;
    });
    EXPECT_EQ(cqe.status, code(Status::kBadField));
    EXPECT_EQ(cqe.detail, offsetof(device::CollDesc, chunk_bytes));
  }
}

TEST(SeqForms, passes_and_buffers_longer_than_the_vector_are_the_vector) {
  Cluster cluster(1, Timing{}, seed(710));
  struct Chunks {
    std::uint32_t bytes;
    std::uint16_t pass, buffers;
  };
  // A pass of 6 GiB, buffers of which the vector fills the first chunk in part.
  for (const Chunks c : {Chunks{0x80000000, 3, 0}, Chunks{0x10000, 0, 2}, Chunks{0x10000, 1, 3}}) {
    Loaded loaded{.lanes = {{Instruction{.op = Op::kCopy}}}, .pass_chunks = c.pass};
    loaded.input_chunks = loaded.output_chunks = c.buffers;
    Node& node = cluster.node(0);
    const Bytes after = bytes_at(node, kOutputAddr + 400, 400);
    const auto cqe = run_alone(cluster, loaded, [&](auto& d) { d.chunk_bytes = c.bytes; });
    EXPECT_EQ(cqe.status, code(Status::kOk)) << cqe.detail;
    EXPECT_EQ(bytes_at(node, kOutputAddr, 400), bytes_at(node, kInputAddr, 400));
    EXPECT_EQ(bytes_at(node, kOutputAddr + 400, 400), after);
    node.at(kInputAddr)[0] ^= 1;
  }
}

TEST(SeqForms, instructions_in_bytes_stay_within_sizes_in_bytes) {
  std::mt19937_64 random(seed(703));
  Cluster cluster(1, Timing{}, random());
  const auto run = [&](std::uint32_t src, std::uint32_t dst, std::uint32_t bytes, Buffer to) {
    Instruction i{.op = Op::kCopy, .dst_buf = to};
    i.by_bytes = true;
    i.src_offset = src;
    i.dst_offset = dst;
    i.bytes = bytes;
    Loaded loaded{.lanes = {{i}}, .sizes = true, .input_bytes = 300, .output_bytes = 500, .scratch_bytes = 100};
    Node& node = cluster.node(0);
    const std::uint64_t base = to == Buffer::kOutput ? kOutputAddr : kScratchAddr;
    const Bytes before = bytes_at(node, base, 600);
    const auto cqe = run_alone(cluster, loaded, [](auto& d) { d.chunk_bytes = 0x12345; });
    Bytes expected = before;
    if (cqe.status == code(Status::kOk)) std::copy_n(node.at(kInputAddr + src), bytes, expected.begin() + dst);
    EXPECT_EQ(bytes_at(node, base, 600), expected);
    return cqe.status;
  };
  EXPECT_EQ(run(7, 13, 287, Buffer::kOutput), code(Status::kOk));
  EXPECT_EQ(run(0, 200, 300, Buffer::kOutput), code(Status::kOk));
  EXPECT_EQ(run(0, 0, 100, Buffer::kScratch), code(Status::kOk));
  EXPECT_EQ(run(300, 500, 0, Buffer::kOutput), code(Status::kOk)) << "nothing";
  EXPECT_EQ(run(1, 0, 300, Buffer::kOutput), code(Status::kBadField)) << "beyond Input";
  EXPECT_EQ(run(0, 201, 300, Buffer::kOutput), code(Status::kBadField)) << "beyond Output";
  EXPECT_EQ(run(0, 1, 100, Buffer::kScratch), code(Status::kBadField)) << "beyond Scratch";
  EXPECT_EQ(run(0xffffffff, 0, 2, Buffer::kOutput), code(Status::kBadField)) << "offset wraps";
  EXPECT_EQ(run(0, 0, 0xffffffff, Buffer::kOutput), code(Status::kBadField)) << "everything";
}

TEST(SeqForms, buffers_that_are_not_used_need_no_region) {
  Cluster cluster(1, Timing{}, seed(704));
  Loaded loaded{.lanes = {{Instruction{}}}};
  const auto no_keys = [](auto& d) { d.input_key = d.output_key = 0x999; };
  EXPECT_EQ(run_alone(cluster, loaded, no_keys).status, code(Status::kProtection));
  loaded.input_chunks = 0xffff;
  auto cqe = run_alone(cluster, loaded, no_keys);
  EXPECT_EQ(cqe.status, code(Status::kProtection)) << "Output is still one";
  loaded.output_chunks = 0xffff;
  EXPECT_EQ(run_alone(cluster, loaded, no_keys).status, code(Status::kOk));
  // And are of no bytes then.
  loaded.lanes = {{Instruction{.op = Op::kCopy}}};
  EXPECT_EQ(run_alone(cluster, loaded, no_keys).status, code(Status::kBadField));
  // A buffer of some chunks is not looked up beyond them, nor reached.
  loaded.input_chunks = loaded.output_chunks = 2;
  const auto quarter = [](auto& d) { d.chunk_bytes = 100; };
  loaded.lanes[0][0].src_chunk = loaded.lanes[0][0].dst_chunk = 1;
  EXPECT_EQ(run_alone(cluster, loaded, quarter).status, code(Status::kOk));
  loaded.lanes[0][0].src_chunk = 2;
  EXPECT_EQ(run_alone(cluster, loaded, quarter).status, code(Status::kBadField));
}

TEST(SeqForms, input_in_the_descriptor_needs_no_read) {
  // Chunks of it are sent, reduced with what came and with what is there, and copied.
  std::mt19937_64 random(seed(705));
  for (unsigned bytes = 1; bytes <= device::kCollInlineBytes; ++bytes) {
    Cluster cluster(2, Timing{}, random());
    const unsigned half = bytes / 2, rest = bytes - half;
    const auto part = [](Op op, Buffer to, std::uint32_t src, std::uint32_t dst, std::uint32_t n) {
      Instruction i{.op = op, .dst_buf = to};
      i.by_bytes = true;
      i.src_offset = src;
      i.dst_offset = dst;
      i.bytes = n;
      i.send_peer = i.recv_peer = 1;
      return i;
    };
    // Node 0 sends its two parts and gets those of node 1, added to its own; then it adds Input once more to the first.
    Loaded zero{.lanes = {{part(Op::kSend, Buffer::kOutput, 0, 0, half), part(Op::kSend, Buffer::kOutput, half, 0, rest),
                           part(Op::kRecvReduceCopy, Buffer::kOutput, 0, 3, half),
                           part(Op::kRecvReduceCopy, Buffer::kOutput, half, 40, rest)}},
                .sizes = true, .input_bytes = bytes, .output_bytes = 64, .scratch_bytes = 64};
    Loaded one = zero;
    for (auto& i : one.lanes[0]) i.send_peer = i.recv_peer = 0;
    const auto add = part(Op::kReduce, Buffer::kOutput, half, 40, rest);
    one.lanes[0].push_back(add);
    one.lanes[0].push_back(part(Op::kCopy, Buffer::kScratch, 0, 5, bytes));
    Bytes input[2];
    for (unsigned r = 0; r < 2; ++r) {
      Node& node = cluster.node(r);
      add_regions(node);
      load_program(node, 0, r == 0 ? zero : one);
      input[r] = random_elements(Dtype::kU8, bytes, random);
      auto d = make_desc(3, 0, Dtype::kU8, Redop::kSum, 0, 1, 1, 0, false);
      d.flags = device::kCollFlagInline;
      d.input_addr = random();
      std::memcpy(reinterpret_cast<char*>(&d) + offsetof(device::CollDesc, input_key), input[r].data(), bytes);
      node.post(d);
    }
    ASSERT_TRUE(cluster.run_to_completions(1));
    for (unsigned r = 0; r < 2; ++r) {
      Node& node = cluster.node(r);
      ASSERT_EQ(node.completions[0].status, code(Status::kOk)) << bytes << " bytes";
      EXPECT_EQ(node.reads, 0u) << "of " << bytes << " bytes on node " << r;
      for (unsigned k = 0; k < bytes; ++k) {
        const unsigned own = k >= half && r == 1 ? 2 : 1;
        const auto sum = static_cast<std::uint8_t>(own * input[r][k] + input[1 - r][k]);
        EXPECT_EQ(*node.at(kOutputAddr + (k < half ? 3 + k : 40 + k - half)), sum) << bytes << " bytes, byte " << k;
      }
    }
    EXPECT_EQ(bytes_at(cluster.node(1), kScratchAddr + 5, bytes), input[1]);
  }
}

TEST(SeqForms, reduce_with_input_in_the_descriptor_reads_the_destination_alone) {
  std::mt19937_64 random(seed(706));
  Cluster cluster(1, Timing{}, random());
  Loaded loaded{.lanes = {{Instruction{.op = Op::kReduce}}}};
  Node& node = cluster.node(0);
  const Bytes output = bytes_at(node, kOutputAddr, 8);
  const auto cqe = run_alone(cluster, loaded, [](auto& d) {
    d.flags = device::kCollFlagInline;
    d.count = 2;
    d.chunk_bytes = 8;
    d.input_key = 1000;
  });
  ASSERT_EQ(cqe.status, code(Status::kOk));
  EXPECT_EQ(node.reads, 1u);
  std::uint32_t before, after;
  std::memcpy(&before, output.data(), 4);
  std::memcpy(&after, node.at(kOutputAddr), 4);
  EXPECT_EQ(after, before + 1000);
}

TEST(SeqForms, more_input_than_the_descriptor_holds_is_refused) {
  Cluster cluster(1, Timing{}, seed(707));
  const Loaded loaded{.lanes = {{Instruction{.op = Op::kCopy}}}};
  for (const std::uint32_t count : {4u, 5u}) {
    const auto cqe = run_alone(cluster, loaded, [&](auto& d) {
      d.flags = device::kCollFlagInline;
      d.count = count;
      d.chunk_bytes = count * 4;
    });
    EXPECT_EQ(cqe.status, code(count == 4 ? Status::kOk : Status::kBadField));
  }
}

TEST(SeqForms, other_lanes_take_what_a_lane_sends) {
  std::mt19937_64 random(seed(708));
  Timing timing;
  timing.stall = 0.1;
  Cluster cluster(3, timing, random());
  std::array<std::uint8_t, 4> to{0, 1, 2, 3};
  for (std::uint16_t n = 0; n < 6; ++n) {
    std::shuffle(to.begin(), to.end(), random);
    Case c;
    c.chunks = 4;
    c.send_lane = to;
    c.ranks.resize(3);
    for (unsigned r = 0; r < 3; ++r) {
      for (std::uint16_t l = 0; l < 4; ++l) {
        // Lane l sends chunk l; what lane l receives is the chunk of the lane that sends to it.
        const auto from = static_cast<std::uint16_t>(std::find(to.begin(), to.end(), l) - to.begin());
        Instruction send{.op = Op::kSend, .src_chunk = l, .size_chunk = l};
        send.send_peer = static_cast<int>((r + 1) % 3);
        Instruction take{.op = Op::kRecvReduceCopy, .src_chunk = from, .dst_chunk = from, .size_chunk = from};
        take.recv_peer = static_cast<int>((r + 2) % 3);
        c.ranks[r].push_back({send, take});
      }
    }
    c.count = n < 3 ? 100 : 9000;
    c.seq = n;
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
