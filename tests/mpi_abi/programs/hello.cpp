// SPDX-License-Identifier: BSD-3-Clause
// The same from C++: handles in containers, constants as arguments of templates where they are numbers.
#include <mpi.h>

#include <iostream>
#include <map>
#include <numeric>
#include <vector>

template <int kTag>
int exchange(int rank, int size) {
  int token = -1;
  std::vector<MPI_Request> requests(2, MPI_REQUEST_NULL);
  MPI_Irecv(&token, 1, MPI_INT, MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &requests[0]);
  MPI_Isend(&rank, 1, MPI_INT, (rank + 1) % size, kTag, MPI_COMM_WORLD, &requests[1]);
  MPI_Waitall(2, requests.data(), MPI_STATUSES_IGNORE);
  return token;
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int token = exchange<11>(rank, size);
  const std::map<MPI_Datatype, int> sizes{{MPI_INT, 4}, {MPI_DOUBLE, 8}, {MPI_CXX_BOOL, 1}};
  bool right = token == (rank + size - 1) % size;
  for (const auto& [type, bytes] : sizes) {
    int found = 0;
    MPI_Type_size(type, &found);
    right = right && found == bytes;
  }
  std::vector<double> all(static_cast<std::size_t>(size));
  const double mine = rank;
  MPI_Allgather(&mine, 1, MPI_DOUBLE, all.data(), 1, MPI_DOUBLE, MPI_COMM_WORLD);
  right = right && std::accumulate(all.begin(), all.end(), 0.0) == size * (size - 1) / 2.0;
  if (rank == 0) std::cout << "ranks: " << size << (right ? ", right" : ", wrong") << std::endl;
  MPI_Finalize();
  return right ? 0 : 1;
}
