// SPDX-License-Identifier: BSD-3-Clause
// The job segment: one memfd that the launcher makes and every rank and the fabric map.
//
// It has no name in the file system, so nothing is left behind however a process ends. Ranks find it by
// TALLY_JOB=/proc/<launcher>/fd/<n>, TALLY_RANK and TALLY_SIZE; under another launcher (launcher.hpp) the first rank of
// each host makes one, and the others hear of it. All fields are native-endian; the structures are checked by size and
// version.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tally::job {

inline constexpr std::uint64_t kMagic = 0x3130424f4a4c4154;  // "TALJOB01"
inline constexpr std::uint32_t kVersion = 7;
inline constexpr std::uint32_t kMaxRanks = 64;
inline constexpr std::uint32_t kMaxContexts = 4096;  ///< of groups

enum class EngineKind : std::uint32_t {
  kSoft = 0,
  kRtl = 1,
  kVerbs = 2,  ///< kSoft, with RDMA hardware between hosts
};

/// A rank as the job sees it.
struct alignas(64) RankRecord {
  std::atomic<std::int32_t> pid;        ///< 0 until the rank has opened its endpoint
  std::atomic<std::uint32_t> closed;    ///< 1 after a regular close
  std::atomic<std::uint32_t> wake;      ///< futex: raised by whoever gives this rank something to poll
  std::atomic<std::uint32_t> sleeping;  ///< 1 while the rank waits on `wake`
  std::atomic<std::uint32_t> device_up; ///< rtl: 1 when the rank's device takes messages; stays 1
};

/// A collective that a rank gave up: the others' waits end with TALLY_ERR_ABORTED. One per context.
struct alignas(64) BrokenContext {
  std::atomic<std::uint32_t> state;  ///< 0 intact, 1 being written, 2 broken
  std::uint32_t rank;                ///< who gave up
  char reason[240];
};

/// What a rank tells the others before there is a transport; two values in turn (Membership::exchange).
struct alignas(64) Blackboard {
  static constexpr std::uint32_t kBytes = 480;
  std::atomic<std::uint32_t> round;  ///< number of the newest value; 0: none yet
  std::uint32_t bytes[2];            ///< of the values, [round % 2]
  char value[2][kBytes];
};

/// What a rank waits for, when a wait lasts. The launcher looks for jobs in which every rank waits (launch/deadlock.hpp). Only the
/// rank writes.
struct alignas(64) WaitRecord {
  std::atomic<std::uint32_t> waiting;   ///< threads in a wait that lasts
  std::atomic<std::uint32_t> threads;   ///< 1: other threads of the process may call meanwhile
  std::atomic<std::uint64_t> waits;     ///< waits that have lasted, since the start
  std::atomic<std::uint64_t> looks;     ///< times that they have looked for news
  std::atomic<std::uint64_t> activity;  ///< changes when the rank's engine has moved anything
  std::atomic<std::uint32_t> writing;   ///< odd: `text` is being written
  char text[476];                       ///< of the last one, ends with NUL
};

inline constexpr std::uint64_t kCountersBytes = 1024;  ///< of a CountersRecord

/// A rank's tally_counters as they were when it last told them: when Header::counters_asked had changed, and at its close. Only
/// the rank writes.
struct alignas(64) CountersRecord {
  std::atomic<std::uint32_t> writing;   ///< odd: `value` is being written; 0: nothing has been
  std::atomic<std::uint32_t> answered;  ///< the Header::counters_asked that it has answered
  std::atomic<std::int64_t> time_ns;    ///< steady clock, when it did
  std::byte value[kCountersBytes - 64];
};

struct alignas(64) Header {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t header_bytes;         ///< sizeof(Header)
  std::uint64_t segment_bytes;
  std::uint32_t ranks;
  EngineKind engine;
  std::uint32_t cpus;                 ///< processors that all ranks together may use
  std::uint32_t counters;             ///< 1: ranks leave their counters in the counters area at close
  std::int32_t fabric_pid;            ///< rtl: process of the fabric
  std::atomic<std::uint32_t> fabric_up;  ///< rtl: 1 when the fabric serves
  std::atomic<std::uint32_t> failed;  ///< 1: the launcher is ending the job
  std::uint64_t shm_offset;           ///< soft: transport area (drivers/shm)
  std::uint64_t shm_bytes;
  std::uint64_t sim_offset;           ///< rtl: attach area (drivers/sim)
  std::uint64_t sim_bytes;
  std::uint64_t counters_offset;      ///< CountersRecord of each rank
  std::atomic<std::uint32_t> counters_asked;  ///< whoever wants to see counters of running ranks raises it
  std::atomic<std::uint32_t> broken_count;  ///< contexts broken so far
  std::uint32_t ranks_here;           ///< ranks on this host: all, but in a job of several hosts
  std::atomic<std::uint64_t> group_contexts[kMaxContexts / 64];  ///< bit c: context c is taken by a group (0: all ranks)
  std::uint64_t id;                   ///< random: no two segments have the same
  RankRecord rank[kMaxRanks];
  Blackboard blackboard[kMaxRanks];
  BrokenContext broken[kMaxContexts];
  WaitRecord wait[kMaxRanks];
};

static_assert(sizeof(RankRecord) == 64);
static_assert(sizeof(BrokenContext) == 256);
static_assert(sizeof(WaitRecord) == 512);
static_assert(sizeof(CountersRecord) == kCountersBytes);

}  // namespace tally::job
