// SPDX-License-Identifier: BSD-3-Clause
// MPI_THREAD_MULTIPLE (skipped with a message where the library does not provide it): threads of a process
// run collectives at the same time, each on a communicator of its own.
#include <mpi.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

std::atomic<int> failures{0};

void expect(bool good, const char* what, int thread, int round) {
  if (good) return;
  if (++failures < 10) std::printf("FAILED thread %d, round %d: %s\n", thread, round, what);
}

/// Asks MPI about its type, as mpi4py's functions do.
void add(void* in, void* inout, int* length, MPI_Datatype* type) {
  MPI_Aint lower = 0, extent = 0;
  if (MPI_Type_get_extent(*type, &lower, &extent) != MPI_SUCCESS || extent != sizeof(int)) MPI_Abort(MPI_COMM_WORLD, 3);
  for (int i = 0; i < *length; ++i) static_cast<int*>(inout)[i] += static_cast<int*>(in)[i];
}

void run(MPI_Comm comm, int thread) {
  int rank = 0, size = 1;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  MPI_Op op;
  MPI_Op_create(add, 0, &op);
  // Every second int: packed and unpacked on the way.
  MPI_Datatype spread;
  MPI_Type_create_resized(MPI_INT, 0, 8, &spread);
  MPI_Type_commit(&spread);
  const auto n = static_cast<std::size_t>(size);
  std::vector<int> in(n), out(n), counts(n, 1), places(n), wide(2 * n);
  const std::vector<MPI_Datatype> types(n, MPI_INT);
  for (int i = 0; i < size; ++i) places[static_cast<std::size_t>(i)] = 4 * i;
  const int ranks = size * (size - 1) / 2;
  for (int round = 0; round < 300; ++round) {
    const int mine = rank + round + 1000 * thread, all = ranks + size * (round + 1000 * thread);
    int sum = 0;
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
    expect(sum == all, "allreduce", thread, round);
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, op, comm);
    expect(sum == all, "allreduce with an own operation", thread, round);
    MPI_Allgather(&mine, 1, MPI_INT, wide.data(), 1, spread, comm);
    bool good = true;
    for (int i = 0; i < size; ++i)
      good = good && wide[static_cast<std::size_t>(2 * i)] == i + round + 1000 * thread;
    expect(good, "allgather into gaps", thread, round);
    for (int i = 0; i < size; ++i) in[static_cast<std::size_t>(i)] = mine * size + i;
    MPI_Request requests[2];
    MPI_Ialltoallw(in.data(), counts.data(), places.data(), types.data(), out.data(), counts.data(),
                   places.data(), types.data(), comm, &requests[0]);
    MPI_Ibarrier(comm, &requests[1]);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    good = true;
    for (int i = 0; i < size; ++i) {
      good = good && out[static_cast<std::size_t>(i)] == (i + round + 1000 * thread) * size + rank;
    }
    expect(good, "ialltoallw", thread, round);
  }
  MPI_Type_free(&spread);
  MPI_Op_free(&op);
}

}  // namespace

int main(int argc, char** argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  if (provided != MPI_THREAD_MULTIPLE) {
    std::printf("SKIPPING: the library provides thread level %d only\n", provided);
    MPI_Finalize();
    return 0;
  }
  MPI_Comm comms[3];
  for (MPI_Comm& comm : comms) MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(run, comms[i], i);
  for (std::thread& thread : threads) thread.join();
  for (MPI_Comm& comm : comms) MPI_Comm_free(&comm);
  MPI_Finalize();
  return failures.load() == 0 ? 0 : 1;
}
