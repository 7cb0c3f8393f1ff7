// SPDX-License-Identifier: BSD-3-Clause
// The forms with counts of MPI_Count, of which each gets arrays of another width than its twin.
#include "memory.hpp"
#include "program.hpp"

namespace test {

#if MPI_VERSION >= 4
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace
#endif

void large_counts() {
#if MPI_VERSION >= 4
  const MPI_Count n = 7;
  const int all = size * 7;
  std::vector<int> mine = values(1, rank, 0, 7), got(at(all), -1), expected;
  for (int i = 0; i < size; ++i) {
    const std::vector<int> part = values(1, i, 0, 7);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  MPI_Allgather_c(mine.data(), n, MPI_INT, got.data(), n, MPI_INT, MPI_COMM_WORLD);
  expect(got == expected, "allgather_c");
  std::vector<MPI_Count> counts(at(size), n);
  std::vector<MPI_Aint> places, bytes;
  for (int i = 0; i < size; ++i) {
    places.push_back(7 * (size - 1 - i));
    bytes.push_back(28 * (size - 1 - i));
  }
  std::vector<int> reversed;
  for (int i = size; i-- > 0;)
    reversed.insert(reversed.end(), expected.begin() + 7 * i, expected.begin() + 7 * (i + 1));
  got.assign(got.size(), -1);
  MPI_Allgatherv_c(mine.data(), n, MPI_INT, got.data(), counts.data(), places.data(), MPI_INT,
                   MPI_COMM_WORLD);
  expect(got == reversed, "allgatherv_c");
  got.assign(got.size(), -1);
  MPI_Request request;
  MPI_Igatherv_c(mine.data(), n, MPI_INT, got.data(), counts.data(), places.data(), MPI_INT, 0,
                 MPI_COMM_WORLD, &request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  if (rank == 0) expect(got == reversed, "igatherv_c");
  std::vector<int> out(at(7), -1);
  MPI_Scatterv_c(reversed.data(), counts.data(), places.data(), MPI_INT, out.data(), n, MPI_INT, 0,
                 MPI_COMM_WORLD);
  expect(out == mine, "scatterv_c");
  std::vector<int> to(at(all)), from(at(all), -1), wanted(at(all));
  for (int i = 0; i < size; ++i) {
    for (int k = 0; k < 7; ++k) {
      to[at(7 * (size - 1 - i) + k)] = value(2, rank, i, k);
      wanted[at(7 * (size - 1 - i) + k)] = value(2, i, rank, k);
    }
  }
  MPI_Alltoallv_c(to.data(), counts.data(), places.data(), MPI_INT, from.data(), counts.data(), places.data(),
                  MPI_INT, MPI_COMM_WORLD);
  expect(from == wanted, "alltoallv_c");
  from.assign(from.size(), -1);
  const std::vector<MPI_Datatype> types(at(size), MPI_INT);
  MPI_Alltoallw_init_c(to.data(), counts.data(), bytes.data(), types.data(), from.data(), counts.data(),
                       bytes.data(), types.data(), MPI_COMM_WORLD, MPI_INFO_NULL, &request);
  MPI_Start(&request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  MPI_Request_free(&request);
  expect(from == wanted, "alltoallw_init_c");
  int sum = 0;
  MPI_Allreduce_c(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  expect(sum == size * (size - 1) / 2, "allreduce_c: %d", sum);
  std::vector<int> ones(at(all), 1), part(at(7), -1);
  MPI_Reduce_scatter_c(ones.data(), part.data(), counts.data(), MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  expect(part == std::vector<int>(at(7), size), "reduce_scatter_c");
#endif
}

}  // namespace test
