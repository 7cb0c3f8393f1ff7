// SPDX-License-Identifier: BSD-3-Clause
// Collectives of equal blocks that move data: any datatype on either side, in place, every form.
#include "memory.hpp"
#include "program.hpp"

namespace test {

namespace {

struct Round {
  int call;
  int root;
  int ints;  ///< of a block: a multiple of kInts
  const Layout& out;
  const Layout& in;
  bool in_place;
  Form form;
};

int elements(const Layout& of, int ints) { return ints / of.ints(); }
int blocks(const Layout& of, int ints) { return size * elements(of, ints); }

void bcast(const Round& r) {
  const Layout& own = rank == r.root ? r.out : r.in;
  Memory buffer(own, 0, elements(own, r.ints));
  const std::vector<int> data = values(r.call, r.root, 0, r.ints);
  if (rank == r.root) buffer.put(0, data);
  CALL(r.form, MPI_Bcast, MPI_Ibcast, buffer.base(), elements(own, r.ints), own.type, r.root, MPI_COMM_WORLD);
  expect_ints(&buffer, 0, data, "bcast", r.call);
  expect(buffer.clean(), "bcast, call %d: writes into gaps", r.call);
}

void gather(const Round& r) {
  const bool is_root = rank == r.root;
  const int n = elements(r.in, r.ints);
  Memory out(r.out, 0, elements(r.out, r.ints));
  Memory in(r.in, 0, is_root ? blocks(r.in, r.ints) : 0);
  const bool in_place = r.in_place && is_root;
  if (in_place) {
    in.put(rank * n, values(r.call, rank, 0, r.ints));
  } else {
    out.put(0, values(r.call, rank, 0, r.ints));
  }
  CALL(r.form, MPI_Gather, MPI_Igather, in_place ? MPI_IN_PLACE : out.base(), elements(r.out, r.ints),
       r.out.type, is_root ? in.base() : nullptr, is_root ? n : -1, is_root ? r.in.type : MPI_DATATYPE_NULL,
       r.root, MPI_COMM_WORLD);
  for (int i = 0; is_root && i < size; ++i)
    expect_ints(&in, i * n, values(r.call, i, 0, r.ints), "gather", r.call);
  expect(in.clean() && out.clean(), "gather, call %d: writes into gaps", r.call);
}

void scatter(const Round& r) {
  const bool is_root = rank == r.root;
  const int n = elements(r.out, r.ints);
  Memory out(r.out, 0, is_root ? blocks(r.out, r.ints) : 0);
  Memory in(r.in, 0, elements(r.in, r.ints));
  const bool in_place = r.in_place && is_root;
  for (int i = 0; is_root && i < size; ++i) out.put(i * n, values(r.call, r.root, i, r.ints));
  CALL(r.form, MPI_Scatter, MPI_Iscatter, is_root ? out.base() : nullptr, is_root ? n : -1,
       is_root ? r.out.type : MPI_DATATYPE_NULL, in_place ? MPI_IN_PLACE : in.base(), elements(r.in, r.ints),
       r.in.type, r.root, MPI_COMM_WORLD);
  if (!in_place) expect_ints(&in, 0, values(r.call, r.root, rank, r.ints), "scatter", r.call);
  for (int i = 0; is_root && i < size; ++i)
    expect_ints(&out, i * n, values(r.call, r.root, i, r.ints), "scatter", r.call);
  expect(in.clean() && out.clean(), "scatter, call %d: writes into gaps", r.call);
}

void allgather(const Round& r) {
  const int n = elements(r.in, r.ints);
  Memory out(r.out, 0, elements(r.out, r.ints));
  Memory in(r.in, 0, blocks(r.in, r.ints));
  if (r.in_place) {
    in.put(rank * n, values(r.call, rank, 0, r.ints));
  } else {
    out.put(0, values(r.call, rank, 0, r.ints));
  }
  CALL(r.form, MPI_Allgather, MPI_Iallgather, r.in_place ? MPI_IN_PLACE : out.base(), elements(r.out, r.ints),
       r.out.type, in.base(), n, r.in.type, MPI_COMM_WORLD);
  for (int i = 0; i < size; ++i) expect_ints(&in, i * n, values(r.call, i, 0, r.ints), "allgather", r.call);
  expect(in.clean() && out.clean(), "allgather, call %d: writes into gaps", r.call);
}

void alltoall(const Round& r) {
  const int n = elements(r.in, r.ints);
  const int m = elements(r.out, r.ints);
  Memory out(r.out, 0, blocks(r.out, r.ints));
  Memory in(r.in, 0, blocks(r.in, r.ints));
  for (int i = 0; i < size; ++i) {
    if (r.in_place) {
      in.put(i * n, values(r.call, rank, i, r.ints));
    } else {
      out.put(i * m, values(r.call, rank, i, r.ints));
    }
  }
  CALL(r.form, MPI_Alltoall, MPI_Ialltoall, r.in_place ? MPI_IN_PLACE : out.base(), m, r.out.type, in.base(),
       n, r.in.type, MPI_COMM_WORLD);
  for (int i = 0; i < size; ++i) expect_ints(&in, i * n, values(r.call, i, rank, r.ints), "alltoall", r.call);
  expect(in.clean() && out.clean(), "alltoall, call %d: writes into gaps", r.call);
}

/// Nobody leaves a barrier before the last one has come.
void barrier(int call, Form form) {
  const int late = call % size;
  int come = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  if (rank == late) {
    for (int i = 0; i < size; ++i) {
      if (i != rank) MPI_Send(&call, 1, MPI_INT, i, 77, MPI_COMM_WORLD);
    }
    come = call;
  } else {
    MPI_Irecv(&come, 1, MPI_INT, late, 77, MPI_COMM_WORLD, &request);
  }
  CALL(form, MPI_Barrier, MPI_Ibarrier, MPI_COMM_WORLD);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  expect(come == call, "barrier, call %d: %d", call, come);
}

}  // namespace

void movements() {
  Random random = shared_random(1);
  int call = 0;
  const int sizes[] = {0, 1, 2, 3, 17, 170, 3000};
  for (const Form form : forms()) {
    for (int i = 0; i < 40; ++i) {
      const int ints = kInts * sizes[random.below(i < 30 ? 5 : 7)];
      // The first ones are all plain: what goes to the engine directly.
      const Layout& out = layout(i < 8 ? 0 : random.below(kLayouts));
      const Layout& in = layout(i < 8 ? 0 : random.below(kLayouts));
      const Round round{++call, random.below(size), ints, out, in, random.below(3) == 0, form};
      bcast(round);
      gather(round);
      scatter(round);
      allgather(round);
      alltoall(round);
    }
    for (int i = 0; i < 5; ++i) barrier(++call, form);
  }
}

}  // namespace test
