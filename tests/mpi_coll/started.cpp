// SPDX-License-Identifier: BSD-3-Clause
// Many collectives under way at once, on several communicators, with blocking ones and messages between them,
// waited for in an order of each rank's own.
#include <memory>

#include "memory.hpp"
#include "program.hpp"

namespace test {

namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// One collective under way on one communicator, and what it has to bring.
struct Pending {
  std::vector<int> in, out, expected;
  std::vector<int> counts, places;
  std::vector<MPI_Datatype> types;
  MPI_Request request = MPI_REQUEST_NULL;
  const char* what = "";
};

int sum_of(int call, int ranks, int k) {
  int sum = 0;
  for (int i = 0; i < ranks; ++i) sum += value(call, i, 0, k) % 1000;
  return sum;
}

std::unique_ptr<Pending> start(int kind, int call, int ints, int root, MPI_Comm comm) {
  auto pending = std::make_unique<Pending>();
  Pending& p = *pending;
  int own = 0, ranks = 1;
  MPI_Comm_rank(comm, &own);
  MPI_Comm_size(comm, &ranks);
  root %= ranks;
  const Layout& gaps = layout(2);  // two ints in an element of three
  switch (kind) {
    case 0:
      p.what = "ibcast";
      p.expected = values(call, root, 0, ints);
      p.out = own == root ? p.expected : std::vector<int>(at(ints), -1);
      MPI_Ibcast(p.out.data(), ints, MPI_INT, root, comm, &p.request);
      break;
    case 1:
      p.what = "iallreduce";
      p.out.assign(at(ints), -1);
      for (int k = 0; k < ints; ++k) {
        p.in.push_back(value(call, own, 0, k) % 1000);
        p.expected.push_back(sum_of(call, ranks, k));
      }
      MPI_Iallreduce(p.in.data(), p.out.data(), ints, MPI_INT, MPI_SUM, comm, &p.request);
      break;
    case 2:
      p.what = "iallgather into gaps";
      p.in = values(call, own, 0, 2 * ints);
      p.out.assign(at(3 * ints * ranks), -1);
      p.expected = p.out;
      for (int i = 0; i < ranks; ++i) {
        for (int k = 0; k < 2 * ints; ++k)
          p.expected[at(3 * (i * ints + k / 2) + 2 * (k % 2))] = value(call, i, 0, k);
      }
      MPI_Iallgather(p.in.data(), 2 * ints, MPI_INT, p.out.data(), ints, gaps.type, comm, &p.request);
      break;
    case 3:
      p.what = "ialltoallw";
      p.out.assign(at(ints * ranks), -1);
      for (int i = 0; i < ranks; ++i) {
        const std::vector<int> to = values(call, own, i, ints), from = values(call, i, own, ints);
        p.in.insert(p.in.end(), to.begin(), to.end());
        p.expected.insert(p.expected.end(), from.begin(), from.end());
        p.counts.push_back(ints);
        p.places.push_back(i * ints * 4);
        p.types.push_back(MPI_INT);
      }
      MPI_Ialltoallw(p.in.data(), p.counts.data(), p.places.data(), p.types.data(), p.out.data(),
                     p.counts.data(), p.places.data(), p.types.data(), comm, &p.request);
      break;
    case 4:
      p.what = "iscan";
      p.out.assign(at(ints), -1);
      for (int k = 0; k < ints; ++k) {
        p.in.push_back(value(call, own, 0, k) % 1000);
        p.expected.push_back(sum_of(call, own + 1, k));
      }
      MPI_Iscan(p.in.data(), p.out.data(), ints, MPI_INT, MPI_SUM, comm, &p.request);
      break;
    case 5:
      p.what = "ibarrier";
      MPI_Ibarrier(comm, &p.request);
      break;
    case 6: {
      p.what = "igatherv";
      p.in = values(call, own, 0, ints + own);
      int next = 0;
      for (int i = 0; i < ranks; ++i) {
        p.counts.push_back(ints + i);
        p.places.push_back(next);
        next += ints + i;
        const std::vector<int> from = values(call, i, 0, ints + i);
        if (own == root) p.expected.insert(p.expected.end(), from.begin(), from.end());
      }
      p.out.assign(own == root ? at(next) : 0, -1);
      MPI_Igatherv(p.in.data(), ints + own, MPI_INT, p.out.data(), p.counts.data(), p.places.data(), MPI_INT,
                   root, comm, &p.request);
      break;
    }
    default: {
      p.what = "ireduce_scatter_block";
      p.out.assign(at(ints), -1);
      for (int k = 0; k < ints * ranks; ++k) p.in.push_back(value(call, own, 0, k) % 1000);
      for (int k = 0; k < ints; ++k) p.expected.push_back(sum_of(call, ranks, own * ints + k));
      MPI_Ireduce_scatter_block(p.in.data(), p.out.data(), ints, MPI_INT, MPI_SUM, comm, &p.request);
      break;
    }
  }
  return pending;
}

}  // namespace

void started() {
  Random random = shared_random(5);
  MPI_Comm copy, half, reversed;
  MPI_Comm_dup(MPI_COMM_WORLD, &copy);
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
  MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &reversed);
  const MPI_Comm comms[] = {MPI_COMM_WORLD, copy, half, reversed, MPI_COMM_SELF};
  int call = 5000;
  for (int round = 0; round < 25; ++round) {
    std::vector<std::unique_ptr<Pending>> all;
    const int count = random.between(1, 14);
    for (int i = 0; i < count; ++i) {
      const int sizes[] = {1, 3, 50, 5000};
      const int kind = random.below(8), ints = sizes[random.below(random.below(4) == 0 ? 4 : 3)],
                root = random.below(8);
      const MPI_Comm comm = comms[random.below(5)];
      all.push_back(start(kind, ++call, ints, root, comm));
      const int between = random.below(6);
      if (between == 0) MPI_Barrier(copy);
      if (between == 1) {  // in a ring
        int out = call, in = 0;
        MPI_Sendrecv(&out, 1, MPI_INT, (rank + 1) % size, 5, &in, 1, MPI_INT, (rank + size - 1) % size, 5,
                     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        expect(in == call, "sendrecv between collectives: %d", in);
      }
      if (between == 2) {
        int one = rank, total = 0;
        MPI_Allreduce(&one, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        expect(total == size * (size - 1) / 2, "allreduce between started collectives: %d", total);
      }
    }
    std::vector<MPI_Request> requests;
    for (const auto& pending : all) requests.push_back(pending->request);
    // Each rank waits in its own way and order.
    const int way = (round + rank) % 4;
    const int total = static_cast<int>(requests.size());
    if (way == 0) {
      MPI_Waitall(total, requests.data(), MPI_STATUSES_IGNORE);
    } else if (way == 1) {
      for (int i = 0; i < total; ++i) {
        int index = 0;
        MPI_Waitany(total, requests.data(), &index, MPI_STATUS_IGNORE);
      }
    } else if (way == 2) {
      for (int i = total; i-- > 0;) MPI_Wait(&requests[at(i)], MPI_STATUS_IGNORE);
    } else {
      int done = 0;
      while (done == 0) MPI_Testall(total, requests.data(), &done, MPI_STATUSES_IGNORE);
    }
    for (int i = 0; i < total; ++i) {
      const Pending& p = *all[at(i)];
      expect(requests[at(i)] == MPI_REQUEST_NULL, "%s: its request is not null", p.what);
      expect(p.out == p.expected, "%s, round %d, %d of %d", p.what, round, i, total);
      digest(p.out.data(), p.out.size() * sizeof(int));
    }
  }
  MPI_Comm_free(&copy);
  MPI_Comm_free(&half);
  MPI_Comm_free(&reversed);
}

}  // namespace test
