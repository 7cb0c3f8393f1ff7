// SPDX-License-Identifier: BSD-3-Clause
// Wrong arguments: the error class, on the communicator's error handler, and that nothing hangs: every rank
// makes the same mistake.
#include "program.hpp"

namespace test {

namespace {

void expect_class(int code, int expected, const char* what) {
  int of = MPI_SUCCESS;
  MPI_Error_class(code, &of);
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  expect(of == expected, "%s: class %d, not %d (%s)", what, of, expected, text);
}

/// Every collective that has two buffers: what is sent may not be where something is received, in whatever form of
/// the call. What only looks like it is let through.
void aliases(MPI_Comm comm) {
  std::vector<int> all(static_cast<std::size_t>(4 * size + 4));
  int* const b = all.data();
  std::vector<int> ones(static_cast<std::size_t>(size), 1), twos(ones.size(), 2), every(ones.size()), behind(ones.size()),
      byte_every(ones.size()), byte_behind(ones.size());
  for (std::size_t i = 0; i < ones.size(); ++i) {
    every[i] = static_cast<int>(i);
    behind[i] = size + static_cast<int>(i);
    byte_every[i] = every[i] * 4;
    byte_behind[i] = behind[i] * 4;
  }
  const std::vector<MPI_Datatype> ints(ones.size(), MPI_INT);
  const auto both = [](int code, const char* what) { expect_class(code, MPI_ERR_BUFFER, what); };
  const auto fine = [](int code, const char* what) { expect_class(code, MPI_SUCCESS, what); };
  both(MPI_Allgather(b + rank, 1, MPI_INT, b, 1, MPI_INT, comm), "allgather from this rank's place in recvbuf");
  both(MPI_Allgatherv(b + rank, 1, MPI_INT, b, ones.data(), every.data(), MPI_INT, comm),
       "allgatherv from this rank's place in recvbuf");
  both(MPI_Alltoall(b, 1, MPI_INT, b + size - 1, 1, MPI_INT, comm), "alltoall into the end of sendbuf");
  both(MPI_Alltoallv(b, ones.data(), every.data(), MPI_INT, b, ones.data(), every.data(), MPI_INT, comm),
       "alltoallv in one buffer");
  both(MPI_Alltoallw(b, ones.data(), byte_every.data(), ints.data(), b, ones.data(), byte_every.data(),
                     ints.data(), comm),
       "alltoallw in one buffer");
  fine(MPI_Alltoallv(b, ones.data(), every.data(), MPI_INT, b, ones.data(), behind.data(), MPI_INT, comm),
       "alltoallv in two parts of a buffer");
  fine(MPI_Alltoallw(b, ones.data(), byte_every.data(), ints.data(), b, ones.data(), byte_behind.data(),
                     ints.data(), comm),
       "alltoallw in two parts of a buffer");
  both(MPI_Reduce_scatter(b, b, ones.data(), MPI_INT, MPI_SUM, comm), "reduce_scatter in one buffer");
  both(MPI_Reduce_scatter(b, b + 2 * size - 1, twos.data(), MPI_INT, MPI_SUM, comm),
       "reduce_scatter into the end of sendbuf");
  both(MPI_Reduce_scatter_block(b, b, 1, MPI_INT, MPI_SUM, comm), "reduce_scatter_block in one buffer");
  both(MPI_Exscan(b, b, 1, MPI_INT, MPI_SUM, comm), "exscan in one buffer");
  both(MPI_Scan(b, b + 1, 2, MPI_INT, MPI_SUM, comm), "scan into the second element of sendbuf");
  fine(MPI_Scan(b, b + 2, 2, MPI_INT, MPI_SUM, comm), "scan into what is behind sendbuf");
  MPI_Request request = MPI_REQUEST_NULL;
  both(MPI_Ialltoallv(b, ones.data(), every.data(), MPI_INT, b, ones.data(), every.data(), MPI_INT, comm, &request),
       "ialltoallv in one buffer");
  // Every rank is the root of its own communicator: all make the mistake.
  both(MPI_Gather(b, 1, MPI_INT, b, 1, MPI_INT, 0, MPI_COMM_SELF), "gather in one buffer");
  both(MPI_Gatherv(b, 1, MPI_INT, b, ones.data(), every.data(), MPI_INT, 0, MPI_COMM_SELF), "gatherv in one buffer");
  both(MPI_Scatter(b, 1, MPI_INT, b, 1, MPI_INT, 0, MPI_COMM_SELF), "scatter in one buffer");
  both(MPI_Scatterv(b, ones.data(), every.data(), MPI_INT, b, 1, MPI_INT, 0, MPI_COMM_SELF),
       "scatterv in one buffer");
  both(MPI_Reduce(b, b, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_SELF), "reduce in one buffer");

  MPI_Comm ring;
  const int periodic = 1;
  MPI_Cart_create(comm, 1, &size, &periodic, 0, &ring);
  MPI_Comm_set_errhandler(ring, MPI_ERRORS_RETURN);
  const int one_each[] = {1, 1}, near[] = {0, 1}, far[] = {2, 3};
  const MPI_Aint near_bytes[] = {0, 4}, far_bytes[] = {8, 12};
  const MPI_Datatype types[] = {MPI_INT, MPI_INT};
  both(MPI_Neighbor_allgather(b, 1, MPI_INT, b, 1, MPI_INT, ring), "neighbor_allgather in one buffer");
  both(MPI_Neighbor_allgatherv(b, 1, MPI_INT, b, one_each, near, MPI_INT, ring), "neighbor_allgatherv in one buffer");
  both(MPI_Neighbor_alltoall(b, 1, MPI_INT, b + 1, 1, MPI_INT, ring), "neighbor_alltoall in one buffer");
  both(MPI_Neighbor_alltoallv(b, one_each, near, MPI_INT, b, one_each, near, MPI_INT, ring),
       "neighbor_alltoallv in one buffer");
  both(MPI_Neighbor_alltoallw(b, one_each, near_bytes, types, b, one_each, near_bytes, types, ring),
       "neighbor_alltoallw in one buffer");
  fine(MPI_Neighbor_alltoallw(b, one_each, near_bytes, types, b, one_each, far_bytes, types, ring),
       "neighbor_alltoallw in two parts of a buffer");
  fine(MPI_Neighbor_alltoallv(b, one_each, near, MPI_INT, b, one_each, far, MPI_INT, ring),
       "neighbor_alltoallv in two parts of a buffer");
  MPI_Comm_free(&ring);

  // Every second integer, and those between them: at one address, and apart.
  MPI_Datatype even, odd;
  const int one = 1, second = 1, first = 0;
  MPI_Datatype unsized;
  MPI_Type_indexed(1, &one, &first, MPI_INT, &unsized);
  MPI_Type_create_resized(unsized, 0, 8, &even);
  MPI_Type_free(&unsized);
  MPI_Type_indexed(1, &one, &second, MPI_INT, &unsized);
  MPI_Type_create_resized(unsized, 0, 8, &odd);
  MPI_Type_free(&unsized);
  MPI_Type_commit(&even);
  MPI_Type_commit(&odd);
  for (int i = 0; i < 2 * size; ++i) b[i] = 100 * rank + i;
  fine(MPI_Alltoall(b, 1, even, b, 1, odd, comm), "alltoall from even places into odd ones of one buffer");
  for (int i = 0; i < size; ++i)
    expect(b[2 * i + 1] == 100 * i + 2 * rank, "alltoall into odd places: %d from rank %d", b[2 * i + 1], i);
  both(MPI_Alltoall(b, 1, even, b, 1, even, comm), "alltoall from even places into even ones of one buffer");
  MPI_Type_free(&even);
  MPI_Type_free(&odd);
}

}  // namespace

void mistakes() {
  MPI_Comm comm;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  int in[16] = {}, out[16] = {};
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Datatype pair;
  MPI_Type_contiguous(2, MPI_INT, &pair);

  expect_class(MPI_Bcast(in, 1, MPI_INT, size, comm), MPI_ERR_ROOT, "bcast with a root beyond the ranks");
  expect_class(MPI_Bcast(in, 1, MPI_INT, -5, comm), MPI_ERR_ROOT, "bcast with a negative root");
  expect_class(MPI_Bcast(in, -1, MPI_INT, 0, comm), MPI_ERR_COUNT, "bcast of a negative count");
  expect_class(MPI_Bcast(in, 1, MPI_DATATYPE_NULL, 0, comm), MPI_ERR_TYPE, "bcast of MPI_DATATYPE_NULL");
  expect_class(MPI_Bcast(in, 1, pair, 0, comm), MPI_ERR_TYPE, "bcast of a datatype that is not committed");
  expect_class(MPI_Ibcast(in, 1, MPI_INT, size, comm, &request), MPI_ERR_ROOT,
               "ibcast with a root beyond the ranks");
  expect_class(MPI_Barrier(MPI_COMM_NULL), MPI_ERR_COMM, "barrier of MPI_COMM_NULL");
  expect_class(MPI_Allreduce(in, out, 1, MPI_INT, MPI_OP_NULL, comm), MPI_ERR_OP,
               "allreduce with MPI_OP_NULL");
  expect_class(MPI_Allreduce(in, out, 1, MPI_DOUBLE, MPI_BAND, comm), MPI_ERR_OP,
               "allreduce of doubles by BAND");
  expect_class(MPI_Allreduce(in, out, -2, MPI_INT, MPI_SUM, comm), MPI_ERR_COUNT,
               "allreduce of a negative count");
  if (!common()) {
    MPI_Type_commit(&pair);
    expect_class(MPI_Allreduce(in, in, 1, MPI_INT, MPI_SUM, comm), MPI_ERR_BUFFER,
                 "allreduce with one buffer for both");
    expect_class(MPI_Allreduce(in, out, 1, pair, MPI_SUM, comm), MPI_ERR_OP,
                 "allreduce of a derived datatype by SUM");
    expect_class(MPI_Allreduce(nullptr, out, 1, MPI_INT, MPI_SUM, comm), MPI_ERR_BUFFER,
                 "allreduce from NULL");
    expect_class(MPI_Allreduce(in, MPI_IN_PLACE, 1, MPI_INT, MPI_SUM, comm), MPI_ERR_BUFFER,
                 "allreduce into MPI_IN_PLACE");
    expect_class(MPI_Bcast(MPI_IN_PLACE, 1, MPI_INT, 0, comm), MPI_ERR_BUFFER, "bcast in place");
    expect_class(MPI_Allgather(in, 1, MPI_INT, in, 1, MPI_INT, comm), MPI_ERR_BUFFER,
                 "allgather with one buffer for both");
    expect_class(MPI_Allreduce(in, out, 1, MPI_INT, MPI_REPLACE, comm), MPI_ERR_OP, "allreduce by REPLACE");
    expect_class(MPI_Neighbor_allgather(in, 1, MPI_INT, out, 1, MPI_INT, comm), MPI_ERR_TOPOLOGY,
                 "neighbor_allgather without a topology");
    int counts[16] = {};
    counts[size - 1] = -1;
    expect_class(MPI_Allgatherv(in, 0, MPI_INT, out, counts, counts, MPI_INT, comm), MPI_ERR_COUNT,
                 "allgatherv with a negative count");
    expect_class(MPI_Allgatherv(in, 0, MPI_INT, out, nullptr, counts, MPI_INT, comm), MPI_ERR_ARG,
                 "allgatherv without counts");
    expect_class(MPI_Alltoallv(in, nullptr, nullptr, MPI_INT, out, counts, counts, MPI_INT, comm),
                 MPI_ERR_ARG, "alltoallv without counts");
    aliases(comm);
    if (size > 1) {
      MPI_Comm local, inter;
      MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &local);
      MPI_Intercomm_create(local, 0, MPI_COMM_WORLD, 1 - rank % 2, 3, &inter);
      MPI_Comm_set_errhandler(inter, MPI_ERRORS_RETURN);
      expect_class(MPI_Scan(in, out, 1, MPI_INT, MPI_SUM, inter), MPI_ERR_COMM,
                   "scan of an intercommunicator");
      expect_class(MPI_Allreduce(MPI_IN_PLACE, out, 1, MPI_INT, MPI_SUM, inter), MPI_ERR_BUFFER,
                   "allreduce in place of an intercommunicator");
      expect_class(MPI_Bcast(in, 1, MPI_INT, 100, inter), MPI_ERR_ROOT,
                   "bcast across with a root beyond the ranks");
      MPI_Comm_free(&inter);
      MPI_Comm_free(&local);
    }
  }
  // Nothing was harmed: no values where there is nothing to move, and the next calls work.
  expect_class(MPI_Bcast(nullptr, 0, MPI_INT, 0, comm), MPI_SUCCESS, "bcast of nothing from NULL");
  expect_class(MPI_Allreduce(nullptr, nullptr, 0, MPI_INT, MPI_SUM, comm), MPI_SUCCESS,
               "allreduce of nothing");
  int sum = 0;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
  expect(sum == size * (size - 1) / 2, "allreduce after mistakes: %d", sum);
  MPI_Type_free(&pair);
  MPI_Comm_free(&comm);
}

}  // namespace test
