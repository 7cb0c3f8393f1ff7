// SPDX-License-Identifier: BSD-3-Clause
// Messages of a collective that no collective of the engine does: on the library's own channel, with a tag of
// the call.
#pragma once

#include <vector>

#include "core/collectives/call.hpp"
#include "core/staging.hpp"
#include "core/task.hpp"

namespace tally::mpi::collectives {

/// The tag of a call's messages; + phase (0 to 15) tells its messages apart. All ranks make their calls on a
/// communicator in one order, so they agree. Other messages of the library on `comm.internal` stay below
/// kFirstTag.
inline constexpr int kFirstTag = 1 << 30;
[[nodiscard]] inline int take_tag(Comm& comm) noexcept {
  return kFirstTag | static_cast<int>((comm.next_internal_tag++ & 0x3ffffffu) << 4);
}

/// Messages of blocks that are under way together. Between two ranks, those with one tag arrive in the order
/// of the calls.
class Exchange {
 public:
  /// Ranks are those of `group`.
  Exchange(tally_group* group, int tag) noexcept : group_(group), tag_(tag) {}

  void send(const Block& block, int to, int phase = 0);
  /// The block's memory may be received into by this exchange: it is copied.
  void send_copy(const Block& block, int to, int phase = 0);
  void receive(const Block& block, int from, int phase = 0);
  /// Bytes that lie one behind the other.
  void send(const std::byte* data, std::size_t bytes, int to, int phase = 0) {
    operations_.send(group_, data, bytes, to, tag_ + phase);
  }
  void receive(std::byte* data, std::size_t bytes, int from, int phase = 0) {
    operations_.receive(group_, data, bytes, from, tag_ + phase);
  }

  /// co_await: until all have ended. Throws Error.
  [[nodiscard]] Operations::All all() noexcept { return operations_.all(); }
  /// After all(): what was received is in the blocks.
  void finish();

 private:
  struct Received {
    Block block;
    Ref<Datatype> type;
    Staging packed;
  };
  void send_packed(const Block& block, int to, int phase);

  tally_group* group_;
  int tag_;
  std::vector<Staging> sent_;
  std::vector<Received> received_;
  Operations operations_;  // last: it ends before the memory goes
};

/// The block's bytes lie one behind the other, at first_byte().
[[nodiscard]] bool is_plain(const Block& block) noexcept;
[[nodiscard]] std::byte* first_byte(const Block& block) noexcept;
void pack(const Block& block, std::byte* out) noexcept;
void unpack(const Block& block, const std::byte* in) noexcept;
/// The elements of the one go to the places of the other: what a rank sends to itself. MPI_ERR_TRUNCATE.
void copy(const Block& from, const Block& to);

}  // namespace tally::mpi::collectives
