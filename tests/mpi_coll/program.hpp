// SPDX-License-Identifier: BSD-3-Clause
// What the sections of the program mpi_coll share: checks, random numbers that all ranks draw alike, and the
// forms of a call.
//
// The program uses MPI alone, so that it also runs on other MPI libraries: that proves the tests themselves.
#pragma once

#include <mpi.h>

#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace test {

extern int rank;  ///< in MPI_COMM_WORLD
extern int size;

/// Counts a check; prints a failed one and lets the program fail at its end.
void expect(bool good, const char* text, ...) __attribute__((format(printf, 2, 3)));
/// Adds to the digest of the section, which is the same on every correct MPI library.
void digest(const void* data, std::size_t bytes);

/// splitmix64; the same numbers on all ranks as long as all draw alike.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// 0 to below.
  int below(int limit) { return static_cast<int>(next() % static_cast<std::uint64_t>(limit)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  template <typename T>
  void shuffle(std::vector<T>* of) {
    for (std::size_t i = of->size(); i > 1; --i) std::swap((*of)[i - 1], (*of)[next() % i]);
  }

 private:
  std::uint64_t state_;
};
/// The same on all ranks: TALLY_SEED, or a fixed number; `which` tells the section's parts apart.
Random shared_random(int which);

/// Only what Open MPI 4 and MPICH 4 do as the standard says (TALLY_TEST_COMMON=1), so that digests can be
/// compared.
bool common();

enum class Form { kBlocking, kStarted, kPersistent };
/// Persistent collectives came with MPI 4.
const std::vector<Form>& forms();

#if MPI_VERSION >= 4
#define TEST_PERSISTENT_(Name, ...)                                                          \
  MPI_Request started_ = MPI_REQUEST_NULL;                                                   \
  Name##_init(__VA_ARGS__, MPI_INFO_NULL, &started_);                                        \
  MPI_Start(&started_);                                                                      \
  MPI_Wait(&started_, MPI_STATUS_IGNORE);                                                    \
  test::expect(started_ != MPI_REQUEST_NULL, #Name "_init: the request is gone after wait"); \
  MPI_Request_free(&started_);
#else
#define TEST_PERSISTENT_(Name, ...) std::abort();
#endif

/// CALL(form, MPI_Bcast, MPI_Ibcast, arguments of MPI_Bcast...): runs it to its end.
#define CALL(form, Name, Started, ...)           \
  do {                                           \
    if ((form) == test::Form::kBlocking) {       \
      Name(__VA_ARGS__);                         \
    } else if ((form) == test::Form::kStarted) { \
      MPI_Request started_ = MPI_REQUEST_NULL;   \
      Started(__VA_ARGS__, &started_);           \
      MPI_Wait(&started_, MPI_STATUS_IGNORE);    \
    } else {                                     \
      TEST_PERSISTENT_(Name, __VA_ARGS__)        \
    }                                            \
  } while (false)

// Sections.
void movements();
void vectors();
void reductions();
void own_operations();
void started();
void persistent();
void inter();
void neighborhoods();
void large_counts();
void mistakes();

}  // namespace test
