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
