// SPDX-License-Identifier: BSD-3-Clause
// Error classes and codes, their texts, and what is done about an error (MPI 5.0, chapter 9).
//
// A call that fails returns its error class as the code. MPI_Error_string of that code gives what the last
// failed call of the calling thread told, so that a program that prints the text names the argument.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/objects.hpp"

namespace tally::mpi {

/// The greatest class or code in use: MPI_LASTUSEDCODE. Its address is that of the attribute's value.
int* last_used_code() noexcept;

/// Text of a predefined class, e.g. "MPI_ERR_RANK: invalid rank"; nullptr: not predefined.
const char* class_text(int error_class) noexcept;

/// What failed in particular, behind the name of its class: "MPI_ERR_RANK: dest is 7, ..."; of a code of the program alone.
[[nodiscard]] std::string with_class(int error_class, const std::string& text);

/// The class of what is wrong with a datatype.
[[nodiscard]] int class_of(datatype::Fault fault) noexcept;

/// What MPI_Error_string tells instead of the text of the class for this thread's last failure.
void remember_failure(int code, const char* function, const std::string& text) noexcept;

/// Remembers the failure for MPI_Error_string, then does what the error handler of `comm` says: ends the job,
/// returns the code, or calls the program's function and returns the code. nullptr: MPI_COMM_SELF, or before
/// MPI_Init and after MPI_Finalize the initial handler, which ends the job.
int raise(Comm* comm, const char* function, const Error& error) noexcept;
/// The same by an error handler of another object (a session).
int raise_by(Errhandler* handler, void* handle_address, const char* function, const Error& error) noexcept;

/// Prints one report and ends this process, and with it the job, with a code that is not 0.
[[noreturn]] void die(const char* function, const Comm* comm, const std::string& text, int code) noexcept;

}  // namespace tally::mpi
