// SPDX-License-Identifier: BSD-3-Clause
// A call on an intracommunicator as one collective of the engine.
//
// Data move as bytes, so that ranks may describe the same data by different datatypes; vectors of a reduction
// as elements. Buffers whose datatype is contiguous are the engine's own; others are packed into staging
// memory before the start and unpacked at the end.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/collectives/call.hpp"
#include "core/collectives/reduction.hpp"
#include "core/staging.hpp"

namespace tally::mpi::collectives {

class EngineCall {
 public:
  /// Packs what has to be packed. The call outlives this.
  explicit EngineCall(const Call& call);

  /// False: the engine works on the program's buffers, so that nothing is to be done at the end.
  [[nodiscard]] static bool stages(const Call& call);
  /// tally_X_start of the call.
  tally_status start(tally_request** request);
  /// The collective has ended well: unpacks.
  void finish();

 private:
  /// Where the engine finds one side's blocks; counts and displacements in its elements.
  struct Place {
    void* base = nullptr;
    std::size_t count = 0;  ///< of one block where all are equal
    std::span<std::size_t> counts;
    std::span<std::size_t> displacements;
  };
  Place place(const Side& side, Staging* staging, bool is_input);
  void place_reduction();
  void place_movement();
  void check_own(std::size_t sent, std::size_t received) const;

  const Call& call_;
  std::optional<EngineReduction> reduction_;
  void* input_ = nullptr;
  void* output_ = nullptr;
  std::size_t count_ = 0;
  Place sent_;
  Place received_;
  Staging in_;
  Staging out_;
};

}  // namespace tally::mpi::collectives
