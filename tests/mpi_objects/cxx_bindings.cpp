// SPDX-License-Identifier: BSD-3-Clause
// A program of MPI's C++ bindings, as Open MPI 4 has them in a library of its own, which stands on the
// library of its ABI.
#include <mpi.h>

#include <cstdio>

int main(int argc, char** argv) {
  MPI::Init(argc, argv);
  const int rank = MPI::COMM_WORLD.Get_rank(), size = MPI::COMM_WORLD.Get_size();
  int sum = -1;
  MPI::COMM_WORLD.Allreduce(&rank, &sum, 1, MPI::INT, MPI::SUM);
  const bool good = sum == size * (size - 1) / 2;
  if (!good) std::printf("FAILED rank %d of %d: sum %d\n", rank, size, sum);
  MPI::Finalize();
  return good ? 0 : 1;
}
