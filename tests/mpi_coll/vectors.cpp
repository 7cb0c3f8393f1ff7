// SPDX-License-Identifier: BSD-3-Clause
// Collectives whose blocks have counts and displacements of their own, or datatypes too.
#include <algorithm>

#include "memory.hpp"
#include "program.hpp"

namespace test {

namespace {

struct Round {
  int call;
  int root;
  std::vector<std::vector<int>> ints;  ///< ints[from][to]: a multiple of kInts
  const Layout& out;
  const Layout& in;
  bool in_place;
  Form form;
};

/// Blocks of a layout at random places.
struct Blocks {
  Blocks(Random* random, const Layout& of, const std::vector<int>& ints_of_blocks)
      : ints(ints_of_blocks), memory(of, 0, 0) {
    for (const int n : ints) counts.push_back(n / of.ints());
    places = scattered(random, counts);
    int low = 0, high = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      low = std::min(low, places[i]);
      high = std::max(high, places[i] + counts[i]);
      bytes.push_back(places[i] * of.extent * 4);
    }
    memory = Memory(of, low, high);
    types.assign(counts.size(), of.type);
  }
  std::vector<int> ints, counts, places, bytes;
  std::vector<MPI_Datatype> types;
  Memory memory;
};

std::vector<int> column(const Round& r, int to) {
  std::vector<int> result;
  for (const std::vector<int>& row : r.ints) result.push_back(row[static_cast<std::size_t>(to)]);
  return result;
}

std::size_t at(int i) { return static_cast<std::size_t>(i); }

void gatherv(Random* random, const Round& r) {
  const bool is_root = rank == r.root;
  const std::vector<int> ints = column(r, 0);
  const int mine = ints[at(rank)];
  Blocks in(random, r.in, ints);  // all draw alike
  Memory out(r.out, 0, mine / r.out.ints());
  const bool in_place = r.in_place && is_root;
  if (in_place) {
    in.memory.put(in.places[at(rank)], values(r.call, rank, 0, mine));
  } else {
    out.put(0, values(r.call, rank, 0, mine));
  }
  CALL(r.form, MPI_Gatherv, MPI_Igatherv, in_place ? MPI_IN_PLACE : out.base(), mine / r.out.ints(),
       r.out.type, is_root ? in.memory.base() : nullptr, is_root ? in.counts.data() : nullptr,
       is_root ? in.places.data() : nullptr, is_root ? r.in.type : MPI_DATATYPE_NULL, r.root, MPI_COMM_WORLD);
  for (int i = 0; is_root && i < size; ++i)
    expect_ints(&in.memory, in.places[at(i)], values(r.call, i, 0, ints[at(i)]), "gatherv", r.call);
  expect(in.memory.clean() && out.clean(), "gatherv, call %d: writes into gaps", r.call);
}

void scatterv(Random* random, const Round& r) {
  const bool is_root = rank == r.root;
  const std::vector<int> ints = column(r, 0);
  const int mine = ints[at(rank)];
  Blocks out(random, r.out, ints);
  Memory in(r.in, 0, mine / r.in.ints());
  const bool in_place = r.in_place && is_root;
  for (int i = 0; i < size; ++i) out.memory.put(out.places[at(i)], values(r.call, r.root, i, ints[at(i)]));
  // Open MPI 4.1: MPI_Iscatterv of empty blocks may never end.
  const Form form = common() ? Form::kBlocking : r.form;
  CALL(form, MPI_Scatterv, MPI_Iscatterv, is_root ? out.memory.base() : nullptr,
       is_root ? out.counts.data() : nullptr, is_root ? out.places.data() : nullptr,
       is_root ? r.out.type : MPI_DATATYPE_NULL, in_place ? MPI_IN_PLACE : in.base(), mine / r.in.ints(),
       r.in.type, r.root, MPI_COMM_WORLD);
  if (!in_place) expect_ints(&in, 0, values(r.call, r.root, rank, mine), "scatterv", r.call);
  expect(in.clean() && out.memory.clean(), "scatterv, call %d: writes into gaps", r.call);
}

void allgatherv(Random* random, const Round& r) {
  const std::vector<int> ints = column(r, 0);
  const int mine = ints[at(rank)];
  Blocks in(random, r.in, ints);
  Memory out(r.out, 0, mine / r.out.ints());
  if (r.in_place) {
    in.memory.put(in.places[at(rank)], values(r.call, rank, 0, mine));
  } else {
    out.put(0, values(r.call, rank, 0, mine));
  }
  CALL(r.form, MPI_Allgatherv, MPI_Iallgatherv, r.in_place ? MPI_IN_PLACE : out.base(), mine / r.out.ints(),
       r.out.type, in.memory.base(), in.counts.data(), in.places.data(), r.in.type, MPI_COMM_WORLD);
  for (int i = 0; i < size; ++i)
    expect_ints(&in.memory, in.places[at(i)], values(r.call, i, 0, ints[at(i)]), "allgatherv", r.call);
  expect(in.memory.clean() && out.clean(), "allgatherv, call %d: writes into gaps", r.call);
}

/// In place needs what is sent and received to be alike.
std::vector<std::vector<int>> symmetric(const std::vector<std::vector<int>>& ints) {
  std::vector<std::vector<int>> result = ints;
  for (std::size_t i = 0; i < ints.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) result[i][j] = result[j][i];
  }
  return result;
}

void alltoallv(Random* random, Round r, bool with_types) {
  if (r.in_place) r.ints = symmetric(r.ints);
  Blocks in(random, r.in, column(r, rank));
  Blocks out(random, r.out, r.ints[at(rank)]);
  if (with_types) {  // blocks of two kinds of elements
    for (int i = 0; i < size; ++i) {
      if (in.ints[at(i)] == 0) in.types[at(i)] = MPI_INT;
      if (out.ints[at(i)] == 0) out.types[at(i)] = MPI_INT;
    }
  }
  for (int i = 0; i < size; ++i) {
    if (r.in_place) {
      in.memory.put(in.places[at(i)], values(r.call, rank, i, in.ints[at(i)]));
    } else {
      out.memory.put(out.places[at(i)], values(r.call, rank, i, out.ints[at(i)]));
    }
  }
  const void* const from = r.in_place ? MPI_IN_PLACE : out.memory.base();
  if (with_types) {
    CALL(r.form, MPI_Alltoallw, MPI_Ialltoallw, from, out.counts.data(), out.bytes.data(), out.types.data(),
         in.memory.base(), in.counts.data(), in.bytes.data(), in.types.data(), MPI_COMM_WORLD);
  } else {
    CALL(r.form, MPI_Alltoallv, MPI_Ialltoallv, from, out.counts.data(), out.places.data(), r.out.type,
         in.memory.base(), in.counts.data(), in.places.data(), r.in.type, MPI_COMM_WORLD);
  }
  for (int i = 0; i < size; ++i)
    expect_ints(&in.memory, in.places[at(i)], values(r.call, i, rank, in.ints[at(i)]),
                with_types ? "alltoallw" : "alltoallv", r.call);
  expect(in.memory.clean() && out.memory.clean(), "alltoall%c, call %d: writes into gaps",
         with_types ? 'w' : 'v', r.call);
}

}  // namespace

void vectors() {
  Random random = shared_random(2);
  int call = 1000;
  const int sizes[] = {0, 0, 1, 2, 5, 40, 700};
  for (const Form form : forms()) {
    for (int i = 0; i < 30; ++i) {
      std::vector<std::vector<int>> ints(at(size), std::vector<int>(at(size)));
      for (std::vector<int>& row : ints) {
        for (int& n : row) n = kInts * sizes[random.below(i < 20 ? 5 : 7)];
      }
      const Layout& out = layout(i < 8 ? 0 : random.below(kLayouts));
      const Layout& in = layout(i < 8 ? 0 : random.below(kLayouts));
      const Round round{++call, random.below(size), ints, out, in, random.below(3) == 0, form};
      gatherv(&random, round);
      scatterv(&random, round);
      allgatherv(&random, round);
      // Each rank draws places of its own from here on.
      Random own = random;
      for (int skip = 0; skip < rank; ++skip) (void)own.next();
      alltoallv(&own, round, false);
      alltoallv(&own, round, true);
    }
  }
}

}  // namespace test
