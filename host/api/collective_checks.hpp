// SPDX-License-Identifier: BSD-3-Clause
// Checks of a collective's arguments, and what the library makes of them. Nothing here allocates but for an
// error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "api/collectives.hpp"
#include "engine/engine.hpp"

namespace tally::api {

/// The caller: its group and its engine.
struct CallPlace {
  int rank = 0;           ///< in the group
  std::size_t ranks = 1;  ///< of the group
  const Capabilities& engine;
  /// True where the collective has no root.
  [[nodiscard]] bool is_root(const CollectiveCall& call) const noexcept {
    return !schedule::has_root(call.collective) || rank == call.root;
  }
};

[[nodiscard]] constexpr bool uses_input(schedule::Collective c, bool is_root) noexcept {
  using schedule::Collective;
  return c != Collective::kBarrier && (c != Collective::kScatter || is_root);
}
[[nodiscard]] constexpr bool uses_output(schedule::Collective c, bool is_root) noexcept {
  using schedule::Collective;
  return c != Collective::kBarrier && ((c != Collective::kReduce && c != Collective::kGather) || is_root);
}

/// Sizes of a call at this rank; of a buffer that it does not use they mean nothing.
struct Extents {
  std::uint64_t count = 0;        ///< elements that all ranks agree on: CollectiveDescriptor::count
  std::uint64_t input_bytes = 0;  ///< from the buffer's start to the end of its last block
  std::uint64_t output_bytes = 0;
  std::uint64_t own_offset = 0;  ///< bytes before the own block where a buffer has all blocks
};

/// The buffers as an engine takes them; nullptr where this rank's part does not use one.
struct Buffers {
  const void* input = nullptr;
  void* output = nullptr;
  const char* input_name = "input";  ///< the argument that it is
  const char* output_name = "output";
  bool by_name = false;   ///< with TALLY_IN_PLACE
  bool in_place = false;  ///< one memory, or the own block where it belongs
};

/// The call with nullptr for the arrays that its rank does not use, and those of output for input where
/// alltoall is in place.
[[nodiscard]] CollectiveCall used_arrays(const CallPlace& at, const CollectiveCall& call) noexcept;
/// Root, dtype and op.
Status check_elements(const CallPlace& at, const CollectiveCall& call);
/// The sizes of a call whose blocks are equal.
Status measure(const CallPlace& at, const CollectiveCall& call, Extents* extents);
/// That the arrays which this rank uses are there. No number in them has been looked at.
Status check_arrays(const CallPlace& at, const CollectiveCall& call);
/// The numbers in the arrays, and the sizes that follow. Of a call of used_arrays() that has passed
/// check_arrays().
Status measure_varying(const CallPlace& at, const CollectiveCall& call, bool in_place, Extents* extents);
/// Resolves TALLY_IN_PLACE, and sees what is in place without it. No pointer has been followed.
Status place_buffers(const CallPlace& at, const CollectiveCall& call, std::uint64_t own_offset,
                     Buffers* buffers);
/// An error where buffers overlap that are not in place.
Status check_overlap(const CallPlace& at, const CollectiveCall& call, const Extents& extents,
                     const Buffers& buffers);

}  // namespace tally::api
