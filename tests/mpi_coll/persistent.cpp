// SPDX-License-Identifier: BSD-3-Clause
// Persistent collectives: started again and again, several at once, with new contents each time.
#include "memory.hpp"
#include "program.hpp"

namespace test {

void persistent() {
#if MPI_VERSION >= 4
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  const Layout& gaps = layout(3);
  const int ints = 60;
  std::vector<int> sum_in(at(ints)), sum_out(at(ints)), all_in(at(size)), all_out(at(size)), block(4),
      gathered(at(4 * size));
  Memory spread(gaps, 0, ints / 3);
  std::vector<int> counts(at(size), 1), places;
  std::vector<int> bytes;
  std::vector<MPI_Datatype> types(at(size));
  for (MPI_Datatype& type : types) {
    MPI_Type_contiguous(1, MPI_INT, &type);
    MPI_Type_commit(&type);
  }
  std::vector<int> w_out(at(size));
  for (int i = 0; i < size; ++i) {
    places.push_back(size - 1 - i);
    bytes.push_back(4 * (size - 1 - i));
  }
  MPI_Request requests[6];
  MPI_Allreduce_init(sum_in.data(), sum_out.data(), ints, MPI_INT, MPI_SUM, MPI_COMM_WORLD, MPI_INFO_NULL,
                     &requests[0]);
  MPI_Alltoallv_init(all_in.data(), counts.data(), places.data(), MPI_INT, all_out.data(), counts.data(),
                     places.data(), MPI_INT, MPI_COMM_WORLD, MPI_INFO_NULL, &requests[1]);
  MPI_Bcast_init(spread.base(), ints / 3, gaps.type, size - 1, MPI_COMM_WORLD, MPI_INFO_NULL, &requests[2]);
  MPI_Barrier_init(MPI_COMM_WORLD, MPI_INFO_NULL, &requests[3]);
  MPI_Alltoallw_init(all_in.data(), counts.data(), bytes.data(), types.data(), w_out.data(), counts.data(),
                     bytes.data(), types.data(), MPI_COMM_WORLD, MPI_INFO_NULL, &requests[4]);
  for (MPI_Datatype type : types) MPI_Type_free(&type);  // the request keeps them
  MPI_Gather_init(block.data(), 4, MPI_INT, gathered.data(), 4, MPI_INT, 0, MPI_COMM_WORLD, MPI_INFO_NULL,
                  &requests[5]);
  int flag = 0;
  MPI_Status status;
  MPI_Test(&requests[0], &flag, &status);  // inactive: an empty status at once
  expect(flag == 1 && status.MPI_SOURCE == MPI_ANY_SOURCE && status.MPI_TAG == MPI_ANY_TAG,
         "test of an inactive request");
  for (int round = 0; round < 20; ++round) {
    for (int k = 0; k < ints; ++k) sum_in[at(k)] = round * 100 + rank + k;
    for (int i = 0; i < size; ++i) all_in[at(size - 1 - i)] = value(round, rank, i, 0);
    if (rank == size - 1) spread.put(0, values(round, 0, 0, ints));
    for (int& n : block) n = round * 1000 + rank;
    if (round % 2 == 0) {
      MPI_Startall(6, requests);
    } else {
      // Matched by the order of the inits: each rank may start them in an order of its own.
      for (int i = 0; i < 6; ++i) MPI_Start(&requests[(i + rank + round) % 6]);
    }
    int before = 0;
    MPI_Allreduce(&round, &before, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);  // others may run meanwhile
    expect(before == round, "allreduce beside persistent ones: %d", before);
    if (round % 3 == 0) {
      for (int i = 5; i >= 0; --i) MPI_Wait(&requests[i], MPI_STATUS_IGNORE);
    } else {
      MPI_Waitall(6, requests, MPI_STATUSES_IGNORE);
    }
    bool good = true;
    for (int k = 0; k < ints; ++k)
      good = good && sum_out[at(k)] == (round * 100 + k) * size + size * (size - 1) / 2;
    expect(good, "persistent allreduce, round %d", round);
    good = true;
    for (int i = 0; i < size; ++i) {
      good = good && all_out[at(size - 1 - i)] == value(round, i, rank, 0);
      good = good && w_out[at(size - 1 - i)] == value(round, i, rank, 0);
      for (int k = 0; k < 4 && rank == 0; ++k) good = good && gathered[at(4 * i + k)] == round * 1000 + i;
    }
    expect(good, "persistent alltoallv, alltoallw and gather, round %d", round);
    expect_ints(&spread, 0, values(round, 0, 0, ints), "persistent bcast", round);
    for (const MPI_Request& request : requests)
      expect(request != MPI_REQUEST_NULL, "the request is gone after wait");
  }
  for (MPI_Request& request : requests) {
    MPI_Request_free(&request);
    expect(request == MPI_REQUEST_NULL, "request_free leaves a handle");
  }
#endif
}

}  // namespace test
