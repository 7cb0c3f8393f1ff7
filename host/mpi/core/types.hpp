// SPDX-License-Identifier: BSD-3-Clause
// Datatypes behind handles.
#pragma once

#include <utility>

#include "core/errors.hpp"
#include "core/objects.hpp"
#include "mpi/datatype/datatype.hpp"

namespace tally::mpi {

/// Runs f(); what the datatype library throws leaves as Error.
template <typename F>
decltype(auto) with_faults(F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const datatype::Error& error) {
    throw Error{class_of(error.fault()), error.what(), {}};
  }
}

/// A handle for the program of what MPI_Type_get_contents and the like give: the predefined handle where
/// there is one, else that of a new object.
[[nodiscard]] MPI_Datatype handle_for(const datatype::Ref& type);

}  // namespace tally::mpi
