// SPDX-License-Identifier: BSD-3-Clause
//   mpi_objects SECTION...
//
// Runs sections of tests as one MPI job. Rank 0 prints "SECTION DIGEST"; the digest is a function of what the
// calls have given on all ranks, and so the same on every correct MPI library. A failed check is printed and
// makes the exit code 1.
#include "program.hpp"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace test {

int rank = 0;
int size = 1;

namespace {

long failures = 0;
std::uint64_t sum = 0;

}  // namespace

void expect(bool good, const char* text, ...) {
  if (good) return;
  if (++failures > 20) return;
  char line[512];
  va_list arguments;
  va_start(arguments, text);
  std::vsnprintf(line, sizeof line, text, arguments);
  va_end(arguments);
  std::printf("FAILED rank %d of %d: %s\n", rank, size, line);
  std::fflush(stdout);
}

void expect_error(int code, int error_class, const char* call) {
  if (code == MPI_SUCCESS) {
    expect(false, "%s succeeds, which it must not", call);
    return;
  }
  int of = MPI_SUCCESS;
  MPI_Error_class(code, &of);
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  expect(length > 0 && std::strlen(text) == static_cast<std::size_t>(length), "%s: no text of the error",
         call);
  expect(of == error_class || error_class == 0, "%s: error class %d (%s) in place of %d", call, of, text,
         error_class);
}

void digest(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) sum = (sum ^ at[i]) * 1099511628211u;
}

void expect_works(MPI_Comm comm, const char* what) {
  int own = -1, count = 0;
  MPI_Comm_rank(comm, &own);
  MPI_Comm_size(comm, &count);
  int got = -1, total = -1;
  MPI_Sendrecv(&own, 1, MPI_INT, (own + 1) % count, 7, &got, 1, MPI_INT, (own + count - 1) % count, 7, comm,
               MPI_STATUS_IGNORE);
  expect(got == (own + count - 1) % count, "%s: message from rank %d has %d", what, (own + count - 1) % count,
         got);
  MPI_Allreduce(&own, &total, 1, MPI_INT, MPI_SUM, comm);
  expect(total == count * (count - 1) / 2, "%s: sum %d of %d ranks", what, total, count);
}

std::vector<int> ranks_of_group(MPI_Group group) {
  int count = 0;
  MPI_Group_size(group, &count);
  MPI_Group world = MPI_GROUP_NULL;
  MPI_Comm_group(MPI_COMM_WORLD, &world);
  std::vector<int> ranks(static_cast<std::size_t>(count)), result(ranks.size());
  for (int i = 0; i < count; ++i) ranks[static_cast<std::size_t>(i)] = i;
  if (count > 0) MPI_Group_translate_ranks(group, count, ranks.data(), world, result.data());
  MPI_Group_free(&world);
  return result;
}

std::vector<int> world_ranks(MPI_Comm comm) {
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Comm_group(comm, &group);
  std::vector<int> result = ranks_of_group(group);
  MPI_Group_free(&group);
  return result;
}

ErrorsReturn::ErrorsReturn(MPI_Comm comm) : comm_(comm), before_(MPI_ERRHANDLER_NULL) {
  MPI_Comm_get_errhandler(comm_, &before_);
  MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
}
ErrorsReturn::~ErrorsReturn() {
  MPI_Comm_set_errhandler(comm_, before_);
  MPI_Errhandler_free(&before_);
}

}  // namespace test

int main(int argc, char** argv) {
  struct Section {
    const char* name;
    void (*run)();
  };
  const Section sections[] = {
      {"environment", test::environment},
      {"errors", test::errors},
      {"groups", test::groups},
      {"communicators", test::communicators},
      {"many", test::many},
      {"intercommunicators", test::intercommunicators},
      {"attributes", test::attributes},
      {"infos", test::infos},
      {"cartesian", test::cartesian},
      {"graphs", test::graphs},
      {"datatypes", test::datatypes},
      {"operations", test::operations},
      {"sessions", test::sessions},
      {"type_details", test::type_details},
      {"operation_details", test::operation_details},
  };
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &test::rank);
  MPI_Comm_size(MPI_COMM_WORLD, &test::size);
  for (const Section& section : sections) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::strcmp(argv[i], section.name) == 0;
    if (!wanted) continue;
    test::sum = 0xcbf29ce484222325u;
    section.run();
    std::uint64_t all = 0;
    const std::uint64_t mine = test::sum * static_cast<std::uint64_t>(2 * test::rank + 1);
    MPI_Reduce(&mine, &all, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    if (test::rank == 0) {
      std::printf("%s %016llx\n", section.name, static_cast<unsigned long long>(all));
      std::fflush(stdout);
    }
  }
  MPI_Finalize();
  return test::failures == 0 ? 0 : 1;
}
