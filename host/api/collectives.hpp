// SPDX-License-Identifier: BSD-3-Clause
// A collective call as the program made it.
#pragma once

#include <cstddef>

#include "api/own_types.hpp"
#include "schedule/schedule.hpp"
#include "tally/tally.h"

namespace tally::api {

/// The blocks of a buffer, one for each rank: elements, and where they begin (nullptr: one behind the other).
struct Blocks {
  const std::size_t* counts = nullptr;
  const std::size_t* displacements = nullptr;
};

/// The arguments of tally.h, not yet checked.
struct CollectiveCall {
  schedule::Collective collective = schedule::Collective::kBarrier;
  bool varying = false;  ///< blocks differ in size
  const void* input = nullptr;
  void* output = nullptr;
  /// Elements of the vector or of a block; varying: of the buffer that holds this rank's block alone.
  std::size_t count = 0;
  Blocks input_blocks = {};   ///< varying: reduce_scatter, scatter, alltoall
  Blocks output_blocks = {};  ///< varying: gather, allgather, alltoall
  tally_dtype dtype = TALLY_BYTE;
  std::size_t element = 1;  ///< bytes of dtype; 0: there is no such type
  tally_op op = TALLY_OP_NONE;
  const OwnOperation* own = nullptr;  ///< op is the program's own
  bool ordered = false;               ///< operands of the reduction in rank order
  int root = 0;
};

}  // namespace tally::api
