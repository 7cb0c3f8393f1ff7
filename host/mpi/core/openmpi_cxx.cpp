// SPDX-License-Identifier: BSD-3-Clause
// What Open MPI's library of the C++ bindings (libmpi_cxx.so.40) takes from libmpi.so.40 beside MPI's
// functions. Every program that Open MPI's mpicxx has linked needs that library, whether it uses the bindings
// or not; so these symbols, of the sizes that it has built in, let it start. Of the bindings themselves,
// keys, error handlers and operations are not served.
#include <cstdint>

#include "core/functions.hpp"

extern "C" {

// MPI::ERRORS_THROW_EXCEPTIONS: no error handler, so that a call that gets it fails.
constinit char ompi_mpi_errors_throw_exceptions[1024]{};
// The table from Open MPI's own codes to MPI's: empty.
constinit int ompi_errcode_intern_lastused = 0;
constinit std::uint64_t ompi_errcodes_intern[120 / 8]{};
constinit std::uint64_t ompi_registered_datareps[64 / 8]{};

int ompi_attr_create_keyval(int, void*, void*, int*, void*, int, void*) {
  return MPI_ERR_UNSUPPORTED_OPERATION;
}
MPI_Errhandler ompi_errhandler_create(int, void*, int) { return MPI_ERRHANDLER_NULL; }
int ompi_errhandler_invoke(MPI_Errhandler, void*, int, int code, const char*) { return code; }
void ompi_op_set_cxx_callback(MPI_Op, void*) {}

}  // extern "C"
