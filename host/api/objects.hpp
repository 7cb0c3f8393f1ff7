// SPDX-License-Identifier: BSD-3-Clause
// What the opaque handles of tally.h stand for, but the endpoint.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "api/collectives.hpp"
#include "api/contexts.hpp"
#include "api/schedules.hpp"
#include "engine/engine.hpp"
#include "tally/tally.h"

namespace tally::api {

struct StagingBuffer;

/// A collective that has passed all checks: what its request and its descriptor say, but for what is each call's own.
struct CheckedCollective {
  tally::CollectiveDescriptor descriptor;  ///< seq and cookie: of the last call
  tally_memory* regions[2] = {nullptr, nullptr};
  std::uint64_t length = 0;  ///< as in tally_request
  std::uint64_t count = 0;
  std::uint64_t parts = 1;
  tally_dtype dtype = TALLY_BYTE;
  tally_op op = TALLY_OP_NONE;
  tally::schedule::Collective collective = tally::schedule::Collective::kBarrier;
  Compiled* compiled = nullptr;
};

/// The call of a collective that passed the checks last. One with the same arguments passes them too, as long as the
/// endpoint's memory and the group's algorithm are what they were.
struct LastCollective {
  bool valid = false;
  std::uint64_t memory_changes = 0;
  std::uint64_t algorithm_changes = 0;
  const void* input = nullptr;
  void* output = nullptr;
  std::size_t elements = 0;
  tally_dtype dtype = TALLY_BYTE;
  tally_op op = TALLY_OP_NONE;
  int root = 0;
  CheckedCollective checked;

  [[nodiscard]] bool same(const CollectiveCall& call) const noexcept {
    return valid && !call.varying && call.input == input && call.output == output && call.count == elements &&
           call.dtype == dtype && call.op == op && call.root == root;
  }
  void set(const CollectiveCall& call) noexcept {
    input = call.input;
    output = call.output;
    elements = call.count;
    dtype = call.dtype;
    op = call.op;
    root = call.root;
    valid = true;
  }
};

/// What a wait for any of several requests hears of.
struct Watch {
  std::uint32_t completions = 0;  ///< of watched requests
};

}  // namespace tally::api

/// A registered region. Owned by its endpoint.
struct tally_memory {
  tally_endpoint* endpoint = nullptr;
  std::byte* base = nullptr;
  std::size_t length = 0;
  std::uint32_t key = 0;
  std::uint32_t users = 0;  ///< operations under way in it

  [[nodiscard]] bool holds(const void* buffer, std::size_t bytes) const noexcept {
    const std::uintptr_t offset =
        reinterpret_cast<std::uintptr_t>(buffer) - reinterpret_cast<std::uintptr_t>(base);
    return offset <= length && bytes <= length - offset;
  }
};

/// An ordered set of job ranks with a context, or a channel of one. Groups are owned by their endpoint, channels
/// by their group.
struct tally_group {
  tally_group(int own_rank, std::vector<std::uint16_t> job_ranks, const tally::Capabilities& engine)
      : rank(own_rank),
        ranks(std::move(job_ranks)),
        schedules(rank, ranks, engine.flow_bytes, engine.reads_peers) {
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      if (from_job.size() <= ranks[r]) from_job.resize(std::size_t{ranks[r]} + 1, -1);
      from_job[ranks[r]] = static_cast<int>(r);
    }
  }
  tally_endpoint* endpoint = nullptr;
  int rank;                          ///< own rank in the group
  std::vector<std::uint16_t> ranks;  ///< group rank -> job rank
  std::vector<int> from_job;         ///< job rank -> group rank, -1 outside the group
  std::uint16_t context = 0;
  std::uint16_t next_seq = 0;   ///< of the next collective
  std::uint32_t users = 0;      ///< requests under way
  std::uint32_t claimed = 0;    ///< claimed messages that wait for their receive
  bool retain = false;          ///< an abandoned collective may still use the schedules
  std::uint64_t list_hash = 0;  ///< of the list and its creation number
  tally_group* parent = nullptr;  ///< of a channel: its group
  std::array<std::unique_ptr<tally_group>, tally::api::kChannels> channels;
  tally::api::Schedules schedules;
  std::array<tally::api::LastCollective, tally::schedule::kCollectives> last;

  [[nodiscard]] bool is_channel() const noexcept { return parent != nullptr; }
};

/// An operation under way, or a persistent request, which stands for one after the other. A slot of the endpoint's pool; its
/// cookie is the index there.
struct alignas(64) tally_request {
  enum class Kind : std::uint8_t { kSend, kReceive, kProbe, kCollective, kOneSided, kPersistent };
  enum class State : std::uint8_t {
    kFree,
    kActive,     ///< with the engine
    kDone,       ///< complete, not yet taken by the program
    kAbandoned,  ///< with the engine; nobody asks for it any more
    kKept,       ///< persistent: `operation` tells whether it is under way
  };
  /// Starts a persistent request's operation once more.
  using Start = std::function<tally::Status(tally_request** operation)>;
  /// What a new request sets at once.
  struct Marks {
    bool abort_asked = false;
    bool matched = false;  ///< receive of a claimed message: there is nothing to cancel
    bool cancel_asked = false;
    bool internal = false;  ///< the library's own: does not count as a program's request
    bool watched = false;   ///< `watch` is to be told of its end
    bool detached = false;  ///< the program has freed it; it goes when it has ended
    bool software = false;  ///< collective: SoftwareCollectives executes it
    bool staged = false;    ///< its segments go through `staging`

    /// There is more to do at the end of a message than to note it.
    [[nodiscard]] bool special() const noexcept { return watched || detached || staged; }
  };
  // What messages need comes first.
  tally_endpoint* endpoint = nullptr;
  tally_request* next_free = nullptr;
  std::uint32_t cookie = 0;
  Kind kind = Kind::kSend;
  State state = State::kFree;
  std::uint16_t peer = 0;  ///< send, one-sided: job rank
  Marks marks;
  tally_group* group = nullptr;
  tally_memory* regions[2] = {nullptr, nullptr};  ///< the second one of collectives only
  std::uint64_t length = 0;                       ///< bytes of room, or to send
  tally::Completion completion;
  std::uint64_t count = 0;                   ///< one-sided: offset; collectives: elements that ranks compare ...
  std::uint64_t parts = 1;                   ///< ... in so many blocks
  tally::api::Compiled* compiled = nullptr;  ///< collectives
  tally_dtype dtype = TALLY_BYTE;
  tally_op op = TALLY_OP_NONE;
  tally::schedule::Collective collective = tally::schedule::Collective::kBarrier;
  std::uint16_t seq = 0;  ///< collectives; one-sided: its kind
  tally::api::Watch* watch = nullptr;
  tally::api::StagingBuffer* staging = nullptr;
  tally_request* operation = nullptr;  ///< persistent: what it has under way
  Start start;                         ///< persistent
};

/// A message that a probe took out of the queue. A slot of the endpoint's pool.
struct tally_message {
  tally_endpoint* endpoint = nullptr;
  tally_group* group = nullptr;  ///< nullptr: the slot is free
  std::uint32_t number = 0;      ///< the engine's name of the message
};
