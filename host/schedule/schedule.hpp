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
/// The most bytes of one instruction that a flow holds when nobody consumes them, in the engine whose flows hold the
/// least (device: FlowSlots * MaxPayload). With a path MTU below 4096 the device's hold less: an engine says how much
/// (Capabilities::flow_bytes).
inline constexpr std::uint64_t kFlowBytes = 32256;
/// Largest vector for which select() takes the allreduce with the fewest steps.
inline constexpr std::uint64_t kSmallBytes = 16 * 1024;

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

/// What a schedule computes. "Vector": Input and Output both hold the whole logical vector. "Blocks": the logical vector is
/// one block a rank (n blocks); of a buffer that is named "one block", block `rank` of the vector stands at place 0.
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

[[nodiscard]] constexpr bool receives(Op op) noexcept {
  return op == Op::kRecv || op >= Op::kRecvReduceCopy;
}
[[nodiscard]] constexpr bool sends(Op op) noexcept {
  return op == Op::kSend || op >= Op::kRecvCopySend;
}
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
  bool has_dep = false;
  std::uint8_t dep_lane = 0;   ///< wait until this lane ...
  std::uint16_t dep_step = 0;  ///< ... has completed this many instructions
  /// Set by compile() where blocks differ in size (gatherv and the like): the data are `bytes` bytes at these byte offsets of
  /// the buffers; chunk fields mean nothing then. Both ends of a message give the same number of bytes.
  bool by_bytes = false;
  std::uint32_t src_offset = 0;
  std::uint32_t dst_offset = 0;
  std::uint32_t bytes = 0;
};

using Lane = std::vector<Instruction>;

/// One rank's instruction lists.
struct RankSchedule {
  std::vector<Lane> lanes;
};

/// A collective for all ranks of a group.
struct Schedule {
  std::string algorithm;            ///< "recursive_doubling", "ring", ...
  Collective collective = Collective::kAllreduce;
  std::uint16_t root = 0;           ///< bcast
  std::uint16_t chunks = 1;         ///< logical chunks of the vector
  std::uint16_t scratch_chunks = 0; ///< chunks of scratch, of chunk_bytes each
  std::vector<RankSchedule> ranks;
  /// Largest vector it may be used for, in bytes; 0: any. Not 0: it relies on flows that hold the data of one
  /// instruction of such a vector (at most kFlowBytes). 0: flows of one packet do.
  std::uint64_t max_bytes = 0;
};

/// One rank's part of a schedule, ready to execute: peers are job ranks.
struct Program {
  std::vector<Lane> lanes;
  std::uint16_t chunks = 1;
  std::uint16_t scratch_chunks = 0;
  std::uint64_t id = 0;  ///< unique in the process: engines cache what they made of a program by it
  std::uint64_t max_bytes = 0;  ///< as in Schedule
  /// Sizes of the buffers, in chunks; 0: the whole vector (the last chunk may be short).
  std::uint16_t input_chunks = 0;
  std::uint16_t output_chunks = 0;
  /// All instructions are by_bytes; the sizes of the buffers are these. For one call's sizes only.
  bool by_bytes = false;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;
  std::uint64_t scratch_bytes = 0;
};

/// Bytes of one chunk for a vector of count elements: whole elements, rounded up.
[[nodiscard]] constexpr std::uint64_t chunk_bytes(std::uint64_t count, std::uint64_t element_bytes,
                                                  std::uint64_t chunks) noexcept {
  return (count + chunks - 1) / chunks * element_bytes;
}

/// Bytes that logical chunks [first, first + n) hold of a vector of total bytes.
[[nodiscard]] constexpr std::uint64_t extent_bytes(std::uint64_t first, std::uint64_t n,
                                                   std::uint64_t chunk, std::uint64_t total) noexcept {
  const std::uint64_t begin = first * chunk;
  if (begin >= total) return 0;
  return total - begin < n * chunk ? total - begin : n * chunk;
}

// --- algorithms (host/schedule/algorithms.cpp) --------------------------------------------------

/// Allreduce by recursive doubling (Thakur, Rabenseifner, Gropp, IJHPCA 2005); any rank count: the ranks beyond the
/// largest power of two fold into a neighbour first and get the result last. Chunks: 1. Vectors of any size.
[[nodiscard]] Schedule allreduce_recursive_doubling(int ranks);
/// The same with each step's reduction fused with the next step's send: one lane, no scratch, one trip through host
/// memory a step. For vectors of at most kSmallBytes (max_bytes): both partners of an exchange send before they receive.
/// The same association of operands as allreduce_recursive_doubling, hence the same bits.
[[nodiscard]] Schedule allreduce_recursive_doubling_fused(int ranks);
/// Allreduce by ring: reduce-scatter, then allgather; bandwidth-optimal. Chunks: ranks. Vectors of any size.
[[nodiscard]] Schedule allreduce_ring(int ranks);
/// Barrier by dissemination (Hensgen, Finkel, Manber, 1988). No data.
[[nodiscard]] Schedule barrier_dissemination(int ranks);
/// Bcast by binomial tree from root. Chunks: 1. Input and output are the same memory.
[[nodiscard]] Schedule bcast_binomial(int ranks, int root);

/// All that select() looks at of a vector's size, on an engine whose flows hold flow_bytes.
enum class SizeClass : std::uint8_t {
  kFused,  ///< at most kSmallBytes, and a flow holds it
  kSmall,  ///< at most kSmallBytes
  kLarge,
};
[[nodiscard]] constexpr SizeClass size_class(std::uint64_t bytes, std::uint64_t flow_bytes) noexcept {
  if (bytes > kSmallBytes) return SizeClass::kLarge;
  return bytes <= flow_bytes ? SizeClass::kFused : SizeClass::kSmall;
}

/// The schedule for a call. `algorithm` may be empty or "auto" (choose by size) or a name; returns false and sets
/// *error when there is no such algorithm for this collective, or not for this size. out->algorithm names it exactly:
/// "recursive_doubling" gives "recursive_doubling_fused" for size class kFused. Where the engine's flows are too small
/// for the fused schedule, small vectors take the unfused one: results do not depend on flow_bytes. All ranks
/// must give the same flow_bytes.
[[nodiscard]] bool select(Collective collective, int ranks, int root, std::uint64_t bytes,
                          const std::string& algorithm, Schedule* out, std::string* error,
                          std::uint64_t flow_bytes = kFlowBytes);
/// Names that select() takes for a collective.
[[nodiscard]] std::vector<std::string> algorithms(Collective collective);

// --- verification (host/schedule/verify.cpp) -----------------------------------------------------

/// Proves that the schedule computes its collective for every rank, whatever the interleaving: symbolic execution of
/// sets of contributions; each output chunk holds exactly the contributions it must; every receive has its send and
/// nothing stays undelivered; no deadlock (max_bytes 0: with any flow buffering of at least one packet, whatever the
/// size of the vector; else with flows that hold one instruction's data); no two unordered accesses of which one writes
/// touch a chunk; indices in range; in place and out of place (bcast: in place); all ranks of an allreduce combine in
/// the same association, so that their results are equal bit for bit.
/// Returns an empty string, or the reason, which names rank, lane and step.
[[nodiscard]] std::string verify(const Schedule& schedule);

// --- compilation (host/schedule/compile.cpp) -----------------------------------------------------

/// Rank `rank`'s part with peers translated by group_ranks (group rank -> job rank).
[[nodiscard]] Program compile(const Schedule& schedule, int rank, const std::vector<std::uint16_t>& group_ranks);

/// 16-bit hash of collective, algorithm and root: equal on all ranks that run the same collective.
[[nodiscard]] std::uint16_t signature(const Schedule& schedule) noexcept;

}  // namespace tally::schedule
