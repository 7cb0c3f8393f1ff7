// SPDX-License-Identifier: BSD-3-Clause
// The schedule IR: a collective as a short list of instructions a rank.
//
// The instruction set is that of MSCCL (Cowan et al., "MSCCLang", ASPLOS 2023). A Schedule is
// written for ranks 0..n-1 of a group; `compile` turns one rank's part into a Program with job
// ranks as peers, which every engine executes. Nothing here allocates while a collective runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tally::schedule {

/// Lanes that every engine has (device::kNumLanes).
inline constexpr std::size_t kMaxLanes = 4;
/// The most bytes of one instruction that a flow holds when nobody consumes them, in the engine whose flows
/// hold the least (device: FlowSlots * Mtu). With a path MTU below 4096, or packets that are SENDs, the device's
/// hold less: an engine says how much (Capabilities::flow_bytes).
inline constexpr std::uint64_t kFlowBytes = 32768;
/// Packets that a flow of the device holds of its receiver's present instruction, and as many of the next one
/// (device::kFlowSlots).
inline constexpr std::uint8_t kFlowPackets = 8;
/// An instruction of at most so many bytes travels although its receiver has not asked for it yet.
inline constexpr std::uint64_t kUnaskedBytes = 512;
/// Largest vector of the fused recursive doublings.
inline constexpr std::uint64_t kSmallBytes = kFlowBytes;
/// Size of the largest element type; those of all others divide it.
inline constexpr std::uint64_t kMaxElementBytes = 16;
/// Schedule::max_bytes of what runs in passes in flows that hold a chunk: vectors of any size.
inline constexpr std::uint64_t kAnyBytes = ~std::uint64_t{0};

/// Same values as device::InstrOp.
enum class Op : std::uint8_t {
  kNop = 0,
  kSend = 1,                ///< send src
  kRecv = 2,                ///< dst = received
  kCopy = 3,                ///< dst = src
  kReduce = 4,              ///< dst = dst op src
  kRecvReduceCopy = 5,      ///< dst = src op received
  kRecvCopySend = 6,        ///< dst = received; send it
  kRecvReduceSend = 7,      ///< send src op received
  kRecvReduceCopySend = 8,  ///< dst = src op received; send it
};

/// Same values as device::Buffer.
enum class Buffer : std::uint8_t { kInput = 0, kOutput = 1, kScratch = 2 };

/// What a schedule computes. "Vector": Input and Output both hold the whole logical vector. "Blocks": the
/// logical vector is one block a rank (n blocks); of a buffer that is named "one block", block `rank` of the
/// vector stands at place 0 (and behind it, where a block has several chunks).
enum class Collective : std::uint8_t {
  kBarrier = 0,
  kBcast = 1,          ///< vector; always in place
  kAllreduce = 2,      ///< vector
  kReduce = 3,         ///< vector; Output at the root only
  kReduceScatter = 4,  ///< Input n blocks, Output one block
  kScan = 5,           ///< vector; rank r gets contributions 0..r, in rank order
  kExscan = 6,         ///< vector; rank r > 0 gets contributions 0..r-1; Output of rank 0 is not written
  kGather = 7,         ///< Input one block, Output n blocks at the root
  kScatter = 8,        ///< Input n blocks at the root, Output one block
  kAllgather = 9,      ///< Input one block, Output n blocks
  kAlltoall = 10,      ///< Input n blocks (j: for rank j), Output n blocks (i: from rank i)
};
inline constexpr std::size_t kCollectives = 11;

[[nodiscard]] constexpr bool receives(Op op) noexcept { return op == Op::kRecv || op >= Op::kRecvReduceCopy; }
[[nodiscard]] constexpr bool sends(Op op) noexcept { return op == Op::kSend || op >= Op::kRecvCopySend; }
[[nodiscard]] constexpr bool reduces(Op op) noexcept {
  return op == Op::kReduce || op == Op::kRecvReduceCopy || op == Op::kRecvReduceSend ||
         op == Op::kRecvReduceCopySend;
}
[[nodiscard]] constexpr bool reads_src(Op op) noexcept {
  return op == Op::kSend || op == Op::kCopy || reduces(op);
}
[[nodiscard]] constexpr bool writes_dst(Op op) noexcept {
  return op == Op::kRecv || op == Op::kCopy || op == Op::kReduce || op == Op::kRecvReduceCopy ||
         op == Op::kRecvCopySend || op == Op::kRecvReduceCopySend;
}

inline constexpr int kNoPeer = -1;
/// Instruction::send_lane: that of the same number as the sending lane.
inline constexpr int kOwnLane = -1;

/// One instruction. Chunk indices count chunks of the named buffer. The bytes moved are those of
/// logical chunks [size_chunk, size_chunk + chunks): the vector of `total` bytes is cut in chunks
/// of chunk_bytes, the last may be short or empty.
struct Instruction {
  Op op = Op::kNop;
  Buffer src_buf = Buffer::kInput;
  Buffer dst_buf = Buffer::kOutput;
  std::uint16_t src_chunk = 0;
  std::uint16_t dst_chunk = 0;
  std::uint16_t chunks = 1;
  std::uint16_t size_chunk = 0;
  int send_peer = kNoPeer;
  int recv_peer = kNoPeer;
  int send_lane = kOwnLane;  ///< lane of send_peer whose receive takes what is sent
  bool has_dep = false;
  std::uint8_t dep_lane = 0;   ///< wait until this lane ...
  std::uint16_t dep_step = 0;  ///< ... has completed this many instructions
  /// Set by order_operands() where the second operand, what is received (kReduce: src), is of lower ranks than the
  /// first one. Of no meaning to operations that commute.
  bool second_first = false;
  /// Set by compile() where blocks differ in size (gatherv and the like): the data are `bytes` bytes at these
  /// byte offsets of the buffers; chunk fields mean nothing then. Both ends of a message give the same number
  /// of bytes.
  bool by_bytes = false;
  std::uint32_t src_offset = 0;
  std::uint32_t dst_offset = 0;
  std::uint32_t bytes = 0;
};

/// The lane of send_peer that takes what an instruction of lane `own` sends.
[[nodiscard]] constexpr std::size_t target_lane(const Instruction& i, std::size_t own) noexcept {
  return i.send_lane == kOwnLane ? own : static_cast<std::size_t>(i.send_lane);
}

using Lane = std::vector<Instruction>;

/// One rank's instruction lists.
struct RankSchedule {
  std::vector<Lane> lanes;
};

/// A collective for all ranks of a group.
struct Schedule {
  std::string algorithm;  ///< "recursive_doubling", "ring", ...
  Collective collective = Collective::kAllreduce;
  std::uint16_t root = 0;            ///< of bcast, reduce, gather and scatter
  std::uint16_t chunks = 1;          ///< logical chunks of the vector; with blocks: block_chunks a rank
  std::uint16_t scratch_chunks = 0;  ///< chunks of scratch, of chunk_bytes each
  /// Chunks of a block. Where it is not 1, blocks are multiples of so many times kMaxElementBytes: all chunks
  /// are of one size.
  std::uint16_t block_chunks = 1;
  std::vector<RankSchedule> ranks;
  /// Largest vector it may be used for, in bytes; 0: any, with flows of one packet. Not 0: flows hold the
  /// data of each instruction of such a vector (at most kFlowBytes) that the receiver's lane takes with its
  /// present or next instruction.
  std::uint64_t max_bytes = 0;
  /// Most bytes of a chunk; 0: no limit. A vector of more than `chunks` of them is done in passes: lane after
  /// lane runs its program again for the next `chunks` chunks of Input and Output, without waiting for the
  /// others; Scratch is used anew. Dependencies count within a pass: one is met when the other lane is in a
  /// later pass, or in the same one with that many steps. For vectors only.
  std::uint64_t max_chunk_bytes = 0;
  /// With max_bytes: instructions are of at most kUnaskedBytes, and a flow holds one although the receiver's
  /// lane has others to take first.
  bool unasked = false;
  /// The ways of calling it that it stands. In place as MPI has it: Input and Output are the same memory, of
  /// which "one block" is the rank's own block (gather, scatter: at the root only; reduce_scatter: the start
  /// of Input).
  bool out_of_place = true;
  bool in_place = true;
  /// compile() takes it with a Layout: each instruction's bytes are known to both ends from what MPI tells
  /// each rank.
  bool by_counts = false;
};

/// One rank's part of a schedule, ready to execute: peers are job ranks.
struct Program {
  std::vector<Lane> lanes;
  std::uint16_t chunks = 1;
  std::uint16_t scratch_chunks = 0;
  std::uint64_t id = 0;         ///< unique in the process: engines cache what they made of a program by it
  std::uint64_t max_bytes = 0;  ///< as in Schedule
  std::uint64_t max_chunk_bytes = 0;
  bool out_of_place = true;     ///< as in Schedule: what is read of Input is what the call gave, in place as well
  std::uint16_t span = 1;       ///< the most chunks of one instruction: with max_bytes, flows hold as many
  /// Sizes of the buffers, in chunks; 0: the whole vector (the last chunk may be short).
  std::uint16_t input_chunks = 0;
  std::uint16_t output_chunks = 0;
  /// False: no instruction touches the buffer, which then need not exist (Output of a gather where the rank
  /// is not root).
  bool uses_input = true;
  bool uses_output = true;
  /// All instructions are by_bytes; the sizes of the buffers are these. For one call's sizes only.
  bool by_bytes = false;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;
  std::uint64_t scratch_bytes = 0;
};

/// Part of a buffer, in bytes.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Where one rank's blocks stand when they differ in size. Made by the *_layout functions below.
struct Layout {
  std::vector<Extent> input;          ///< of each place of Input
  std::vector<Extent> output;         ///< of each place of Output
  std::vector<std::uint64_t> blocks;  ///< bytes of each logical block, where scratch may hold it; else empty
};

/// Bytes of one chunk for a vector of count elements: whole elements, rounded up. With max_chunk_bytes: in the
/// fewest passes, which are equally long but for the last one; at least an element.
[[nodiscard]] constexpr std::uint64_t chunk_bytes(std::uint64_t count, std::uint64_t element_bytes,
                                                  std::uint64_t chunks,
                                                  std::uint64_t max_chunk_bytes = 0) noexcept {
  const std::uint64_t once = (count + chunks - 1) / chunks * element_bytes;
  if (max_chunk_bytes == 0 || once <= max_chunk_bytes) return once;
  // Whole elements, and whole cache lines where a chunk has some.
  constexpr std::uint64_t kLine = 64;
  std::uint64_t most = max_chunk_bytes < kLine ? max_chunk_bytes : max_chunk_bytes / kLine * kLine;
  most = most < element_bytes ? 1 : most / element_bytes;
  const std::uint64_t pass = chunks * most;
  const std::uint64_t shares = (count + pass - 1) / pass * chunks;
  const std::uint64_t bytes = (count + shares - 1) / shares * element_bytes;
  const std::uint64_t lines = (bytes + kLine - 1) / kLine * kLine;
  return lines <= most * element_bytes && lines % element_bytes == 0 ? lines : bytes;
}

/// Passes in which a vector of `total` bytes is done, at least one.
[[nodiscard]] constexpr std::uint64_t passes(std::uint64_t total, std::uint64_t chunks,
                                             std::uint64_t chunk) noexcept {
  return chunks * chunk == 0 || total <= chunks * chunk ? 1 : (total + chunks * chunk - 1) / (chunks * chunk);
}

/// Bytes that logical chunks [first, first + n) hold of a vector of total bytes.
[[nodiscard]] constexpr std::uint64_t extent_bytes(std::uint64_t first, std::uint64_t n, std::uint64_t chunk,
                                                   std::uint64_t total) noexcept {
  const std::uint64_t begin = first * chunk;
  if (begin >= total) return 0;
  return total - begin < n * chunk ? total - begin : n * chunk;
}

/// What kind of buffers a collective has.
[[nodiscard]] constexpr bool has_blocks(Collective c) noexcept {
  return c == Collective::kReduceScatter || c >= Collective::kGather;
}
[[nodiscard]] constexpr bool has_root(Collective c) noexcept {
  return c == Collective::kBcast || c == Collective::kReduce || c == Collective::kGather ||
         c == Collective::kScatter;
}
[[nodiscard]] constexpr bool has_reduction(Collective c) noexcept {
  return c >= Collective::kAllreduce && c <= Collective::kExscan;
}
[[nodiscard]] const char* name_of(Collective collective);

/// Chunk places of Input or Output at a rank; 0: the rank has no such buffer. Scratch: scratch_chunks.
[[nodiscard]] std::size_t places(const Schedule& s, std::size_t rank, Buffer buffer);
/// The logical chunk at a place of Input or Output.
[[nodiscard]] std::size_t logical_chunk(const Schedule& s, std::size_t rank, Buffer buffer,
                                        std::size_t place);
/// The most chunks that one instruction of the schedule moves.
[[nodiscard]] std::uint16_t span(const Schedule& s);
/// The most bytes that an instruction of `span` chunks moves of a vector of `bytes`, whatever the size of its
/// elements.
[[nodiscard]] std::uint64_t instruction_bytes(const Schedule& s, std::uint64_t bytes, std::uint16_t span);
/// The largest vector of which no instruction moves more than `bytes` bytes, whatever the size of its
/// elements.
[[nodiscard]] std::uint64_t largest_vector(const Schedule& s, std::uint64_t bytes);
/// The most bytes of one instruction on an engine whose flows hold flow_bytes; 0: of any size.
[[nodiscard]] std::uint64_t instruction_limit(const Schedule& s, std::uint64_t flow_bytes = kFlowBytes);

// --- algorithms (host/schedule/algorithms) -------------------------------------------------------
// docs/schedules.md tells how each works, what it costs and where it comes from. All take 1 to 65535 ranks
// and throw std::invalid_argument otherwise. `in_place`: the variant for calls in place, where one schedule
// does not serve both or would copy for nothing; the messages are the same, so that ranks may differ in it.

/// Allreduce by recursive doubling; ranks beyond the largest power of two fold into a neighbour first and get
/// the result last. Vectors of any size.
[[nodiscard]] Schedule allreduce_recursive_doubling(int ranks);
/// The same with each step's reduction fused with the next step's send: one lane, no scratch. For at most
/// kSmallBytes. The same association of operands as allreduce_recursive_doubling, hence the same bits.
[[nodiscard]] Schedule allreduce_recursive_doubling_fused(int ranks);
/// Allreduce by ring in `parts` parts of one chunk a rank, in passes. Vectors of any size.
[[nodiscard]] Schedule allreduce_ring(int ranks, int parts = 1);
/// The same with all links busy from start to end, in flows that hold a chunk of kFlowBytes. The same bits for
/// the same `parts`.
[[nodiscard]] Schedule allreduce_ring_fused(int ranks, int parts = static_cast<int>(kMaxLanes));
/// Allreduce by recursive halving and doubling. Any size.
[[nodiscard]] Schedule allreduce_rabenseifner(int ranks);
/// Allreduce in one round: all send everything to all. At most kUnaskedBytes.
[[nodiscard]] Schedule allreduce_direct(int ranks, bool in_place = false);
/// Allreduce in two rounds: each rank reduces one block and sends it to all. short: blocks of at most
/// kUnaskedBytes, summed in another order; else of any size.
[[nodiscard]] Schedule allreduce_direct_blocks_short(int ranks);
[[nodiscard]] Schedule allreduce_direct_blocks(int ranks);

/// Allreduce along two binary trees, each for half of the chunks, in passes. Any size.
[[nodiscard]] Schedule allreduce_double_tree(int ranks);
/// Allreduce in nodes of `node` consecutive ranks, then between nodes. Any size. Throws std::invalid_argument
/// where `node` does not divide the ranks; 0: the largest divisor up to the square root.
[[nodiscard]] Schedule allreduce_hierarchical(int ranks, int node = 0);

[[nodiscard]] Schedule barrier_dissemination(int ranks);

[[nodiscard]] Schedule bcast_binomial(int ranks, int root);
inline constexpr int kDefaultRadix = 4;
/// Trees in which a rank has up to radix - 1 children a level; radix 2 is the binomial one. 2 to 64.
[[nodiscard]] Schedule bcast_knomial(int ranks, int root, int radix = kDefaultRadix);
[[nodiscard]] Schedule bcast_double_tree(int ranks, int root);
/// Bcast along a chain of all ranks, packet by packet.
[[nodiscard]] Schedule bcast_chain(int ranks, int root);

[[nodiscard]] Schedule reduce_binomial(int ranks, int root);
[[nodiscard]] Schedule reduce_knomial(int ranks, int root, int radix = kDefaultRadix);
[[nodiscard]] Schedule reduce_double_tree(int ranks, int root);
/// Reduce along a chain of all ranks, packet by packet.
[[nodiscard]] Schedule reduce_chain(int ranks, int root);

/// Operands in rank order whatever the root: for operations that do not commute.
[[nodiscard]] Schedule reduce_in_order(int ranks, int root);
[[nodiscard]] Schedule reduce_scatter_in_order(int ranks);

/// Each rank gets its block's contributions straight from all others. direct: blocks of at most
/// kUnaskedBytes.
[[nodiscard]] Schedule reduce_scatter_direct(int ranks);
[[nodiscard]] Schedule reduce_scatter_pairwise(int ranks, bool in_place = false);
[[nodiscard]] Schedule reduce_scatter_ring(int ranks, bool in_place = false);

[[nodiscard]] Schedule scan_linear(int ranks, bool in_place = false);
[[nodiscard]] Schedule exscan_linear(int ranks);
/// log2(n) steps, of any size, and for at most kSmallBytes in one lane without scratch: the same bits.
[[nodiscard]] Schedule scan_recursive_doubling(int ranks, bool in_place = false);
[[nodiscard]] Schedule scan_recursive_doubling_fused(int ranks, bool in_place = false);
[[nodiscard]] Schedule exscan_recursive_doubling(int ranks);
[[nodiscard]] Schedule exscan_recursive_doubling_fused(int ranks);

[[nodiscard]] Schedule gather_linear(int ranks, int root, bool in_place = false);
[[nodiscard]] Schedule gather_binomial(int ranks, int root, bool in_place = false);
[[nodiscard]] Schedule scatter_linear(int ranks, int root, bool in_place = false);
[[nodiscard]] Schedule scatter_binomial(int ranks, int root, bool in_place = false);

/// Blocks of at most kUnaskedBytes.
[[nodiscard]] Schedule allgather_direct(int ranks, bool in_place = false);
[[nodiscard]] Schedule allgather_pairwise(int ranks, bool in_place = false);
/// Blocks of which flows hold allgather_bruck_span().
[[nodiscard]] Schedule allgather_bruck(int ranks, bool in_place = false);
[[nodiscard]] std::uint64_t allgather_bruck_span(int ranks);
[[nodiscard]] Schedule allgather_ring(int ranks, bool in_place = false);

/// Blocks of at most kUnaskedBytes.
[[nodiscard]] Schedule alltoall_direct(int ranks, bool in_place = false);
[[nodiscard]] Schedule alltoall_pairwise(int ranks, bool in_place = false);
/// In ceil(log2 n) messages a rank, of up to n/2 blocks each.
[[nodiscard]] Schedule alltoall_bruck(int ranks);

// --- selection (host/schedule/select.cpp) --------------------------------------------------------

/// All that the choice of a schedule depends on, besides an algorithm's name. Equal on all ranks, but for
/// in_place.
struct Call {
  Collective collective = Collective::kBarrier;
  int ranks = 1;
  int root = 0;
  /// Of the logical vector: with blocks, of all blocks. With by_counts of reduce_scatter and allgather: the
  /// sum; of others 0, as not every rank knows it.
  std::uint64_t bytes = 0;
  bool in_place = false;
  bool by_counts = false;  ///< blocks differ in size: the schedule will be compiled with a Layout
  std::uint64_t flow_bytes = kFlowBytes;  ///< what the engine's flows hold (Capabilities::flow_bytes)
};

/// The schedule for a call. `algorithm` may be empty or "auto" (choose by size), a name, or the path of an MSCCL
/// XML file (schedule/msccl/import.hpp), which serves its collective, ranks and root; returns false and sets *error when there is no such algorithm for this collective, or not for this call. out->algorithm
/// names it exactly: "recursive_doubling" gives "recursive_doubling_fused", "ring" gives "ring_fused" and
/// "direct_blocks" gives "direct_blocks_short" where their sizes and the engine's flows allow. Results of
/// reductions do not depend on flow_bytes of at least kFlowPackets * kUnaskedBytes: variants of a name that
/// stand for each other there combine in the same association.
[[nodiscard]] bool select(const Call& call, const std::string& algorithm, Schedule* out, std::string* error);
/// Calls of equal collective, ranks, root, flow_bytes and algorithm with equal keys get the same schedule, or
/// none. Allocates nothing, but where it reads a file for the first time.
[[nodiscard]] std::uint32_t select_key(const Call& call, const std::string& algorithm);
/// The same for a call out of place (a bcast: in place) with equal blocks.
[[nodiscard]] bool select(Collective collective, int ranks, int root, std::uint64_t bytes,
                          const std::string& algorithm, Schedule* out, std::string* error,
                          std::uint64_t flow_bytes = kFlowBytes);
/// Names that select() takes for a collective.
[[nodiscard]] std::vector<std::string> algorithms(Collective collective);
/// Whether it is one of these; "knomial:8" and "hierarchical:4" are names too, of a radix and a number of ranks a
/// node.
[[nodiscard]] bool knows(Collective collective, const std::string& name);
/// The same with the variants that select() takes in their place ("ring_fused"); it takes these names too.
[[nodiscard]] std::vector<std::string> algorithms_and_variants(Collective collective);
/// The schedule of exactly this name, whatever call.bytes: no variant in its place. False and *error when there
/// is none, or not for these ranks or this root.
[[nodiscard]] bool make_named(const Call& call, const std::string& name, Schedule* out, std::string* error);

/// Vectors (with blocks: of all blocks together) that select() gives to one schedule.
struct Choice {
  std::string algorithm;  ///< exact: "ring_fused"
  std::uint64_t first = 0;
  std::uint64_t last = kAnyBytes;
};
/// What select() takes by itself out of place, for all sizes, in order of size.
[[nodiscard]] std::vector<Choice> automatic_choices(Collective collective, int ranks,
                                                    std::uint64_t flow_bytes = kFlowBytes);

// --- verification (host/schedule/verify.cpp) -----------------------------------------------------

/// Proves that the schedule computes its collective for every rank, whatever the interleaving: symbolic
/// execution of sets of contributions; each output chunk holds exactly what it must; every receive has its
/// send and nothing stays undelivered; no deadlock (max_bytes 0: with any flow buffering of at least one
/// packet, whatever the size of the vector; else with flows as Schedule says); no two unordered accesses of
/// which one writes touch a chunk; indices in range; in every way of calling that it claims; all ranks of an
/// allreduce combine in the same association, so that their results are equal bit for bit. Returns an empty
/// string, or the reason, which names rank, lane and step.
[[nodiscard]] std::string verify(const Schedule& schedule);

/// Proves of a schedule that verify() accepts that each of its reductions combines the contributions of neighbours:
/// ranks a to b - 1 with ranks b to c - 1. So it serves operations that are associative but do not commute; each
/// instruction then tells which operand is that of the lower ranks. Returns an empty string, or the reason.
[[nodiscard]] std::string order_operands(Schedule* schedule);

// --- compilation (host/schedule/compile.cpp) -----------------------------------------------------

/// Rank `rank`'s part with peers translated by group_ranks (group rank -> job rank).
[[nodiscard]] Program compile(const Schedule& schedule, int rank,
                              const std::vector<std::uint16_t>& group_ranks);
/// The same with the byte offsets and sizes of `layout`. Throws std::invalid_argument where the schedule is
/// not by_counts, the layout is not of this rank's buffers, or an offset or size does not fit 32 bits.
[[nodiscard]] Program compile(const Schedule& schedule, int rank,
                              const std::vector<std::uint16_t>& group_ranks, const Layout& layout);

// Layouts of MPI's v-forms; counts and displacements in bytes, an entry a rank.

/// gatherv: a rank knows its own count; only the root gives counts and displacements (other ranks: empty).
[[nodiscard]] Layout gatherv_layout(int rank, int root, std::uint64_t own,
                                    const std::vector<std::uint64_t>& counts,
                                    const std::vector<std::uint64_t>& displacements);
[[nodiscard]] Layout scatterv_layout(int rank, int root, std::uint64_t own,
                                     const std::vector<std::uint64_t>& counts,
                                     const std::vector<std::uint64_t>& displacements);
[[nodiscard]] Layout allgatherv_layout(int rank, const std::vector<std::uint64_t>& counts,
                                       const std::vector<std::uint64_t>& displacements);
[[nodiscard]] Layout alltoallv_layout(const std::vector<std::uint64_t>& send_counts,
                                      const std::vector<std::uint64_t>& send_displacements,
                                      const std::vector<std::uint64_t>& recv_counts,
                                      const std::vector<std::uint64_t>& recv_displacements);
/// Blocks of Input lie one after the other.
[[nodiscard]] Layout reduce_scatter_layout(int rank, const std::vector<std::uint64_t>& counts);

/// 16-bit hash of collective, algorithm, chunks a rank, and root: equal on all ranks that run the same
/// collective.
[[nodiscard]] std::uint16_t signature(const Schedule& schedule) noexcept;

}  // namespace tally::schedule
