// SPDX-License-Identifier: BSD-3-Clause
// Tasks within one group of ranks: binomial trees over messages.
#pragma once

#include "core/collectives/operand.hpp"
#include "core/objects.hpp"
#include "core/task.hpp"

namespace tally::mpi::collectives {

/// The ranks of a communicator, or of an intercommunicator's local group, on the library's channel.
struct LocalGroup {
  tally_group* group;
  int rank;
  int size;
};
[[nodiscard]] LocalGroup local_group(const Comm& comm) noexcept;

/// `bytes` bytes from rank 0 to all, with one tag.
[[nodiscard]] Task broadcast(LocalGroup local, int tag, std::byte* data, std::size_t bytes);
/// At rank 0 operand.value() becomes the reduction of all ranks' values in rank order; elsewhere it is used
/// up.
[[nodiscard]] Task reduce_to_first(LocalGroup local, int tag, Operand& operand);
/// At rank 0 it ends when all ranks have begun it.
[[nodiscard]] Task gather_arrivals(LocalGroup local, int tag);

}  // namespace tally::mpi::collectives
