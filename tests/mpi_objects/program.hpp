// SPDX-License-Identifier: BSD-3-Clause
// What the sections of the program mpi_objects share.
//
// The program uses MPI alone, so that it also runs on other MPI libraries: that proves the tests themselves.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace test {

extern int rank;  ///< in MPI_COMM_WORLD
extern int size;

/// Counts a check; prints a failed one and lets the program fail at its end.
void expect(bool good, const char* text, ...) __attribute__((format(printf, 2, 3)));
/// An MPI call that is to fail with this class; 0: with any.
void expect_error(int code, int error_class, const char* call);
/// Other libraries check less, and crash here and there: the call is made for Tally only.
#ifdef TALLY_ERROR_CLASSES
#define EXPECT_ERROR(call, error_class, what) test::expect_error((call), (error_class), (what))
#else
#define EXPECT_ERROR(call, error_class, what) static_cast<void>(sizeof(call))
#endif
/// Adds to the digest of the section, which is the same on every correct MPI library.
void digest(const void* data, std::size_t bytes);
inline void digest(int value) { digest(&value, sizeof value); }
inline void digest(const std::vector<int>& values) { digest(values.data(), values.size() * sizeof(int)); }

/// Is it a communicator that works: its ranks send around a ring and reduce.
void expect_works(MPI_Comm comm, const char* what);
/// Job ranks of a communicator's (local) group.
std::vector<int> world_ranks(MPI_Comm comm);
std::vector<int> ranks_of_group(MPI_Group group);

/// Errors return while it lives.
class ErrorsReturn {
 public:
  explicit ErrorsReturn(MPI_Comm comm);
  ~ErrorsReturn();
  ErrorsReturn(const ErrorsReturn&) = delete;
  ErrorsReturn& operator=(const ErrorsReturn&) = delete;

 private:
  MPI_Comm comm_;
  MPI_Errhandler before_;
};

// Sections.
void environment();
void errors();
void groups();
void communicators();
void many();
void intercommunicators();
void attributes();
void infos();
void cartesian();
void graphs();
void datatypes();
void operations();
void sessions();
void type_details();
void operation_details();

}  // namespace test
