// SPDX-License-Identifier: BSD-3-Clause
// What the sections of the program mpi_p2p share. The program uses MPI alone, so that it runs on other MPI
// libraries, too: that proves the tests themselves.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace test {

extern int rank;  ///< in MPI_COMM_WORLD
extern int size;
extern std::uint64_t seed;

void failed(const char* file, int line, const std::string& what);
#define CHECK(condition)                                            \
  do {                                                              \
    if (!(condition)) test::failed(__FILE__, __LINE__, #condition); \
  } while (false)
#define CHECK_EQ(a, b)                                                                                   \
  do {                                                                                                   \
    const auto a_value = (a);                                                                            \
    const auto b_value = (b);                                                                            \
    if (!(a_value == b_value))                                                                           \
      test::failed(                                                                                      \
          __FILE__, __LINE__,                                                                            \
          std::string(#a " == " #b ": ") + std::to_string(a_value) + " and " + std::to_string(b_value)); \
  } while (false)
#define CHECK_OK(call) CHECK_EQ(call, MPI_SUCCESS)
/// The call fails with this error class.
#define CHECK_FAILS(call, error_class) CHECK_EQ(test::class_of(call), error_class)
int class_of(int code);
bool own_library();  ///< runs over this project's library, not over another MPI

/// A pseudorandom number in [0, below); the same sequence on every rank that asks as often.
std::uint32_t random(std::uint32_t below);
/// Makes what is printed on all ranks meet.
inline void meet() { MPI_Barrier(MPI_COMM_WORLD); }
inline int count_of(const MPI_Status& status, MPI_Datatype type) {
  int count = -2;
  MPI_Get_count(&status, type, &count);
  return count;
}

// Sections.
void order();
void wildcards();
void modes();
void buffered();
void truncation();
void cancel();
void probes();
void claimed();
void persistent();
void completion();
void statuses();
void proc_null();
void layouts();
void exchanges();
void abandoned();
void generalized();
void errors();
void self();
void traffic();
void intercommunicator();
void threads();

}  // namespace test
