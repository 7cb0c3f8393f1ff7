// SPDX-License-Identifier: BSD-3-Clause
// All collectives of intercommunicators: each group gets what the other one has sent or contributed.
#include <numeric>

#include "memory.hpp"
#include "program.hpp"

namespace test {

namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

struct Groups {
  MPI_Comm comm;
  int side;   ///< 0 or 1
  int own;    ///< rank in the local group
  int local;  ///< its size
  int remote;
};
/// Ranks on both sides have numbers of their own.
int id(int side, int rank_there) { return side * 100 + rank_there; }

void first_half(const Groups& g, Form form, int call, int root_side, int root, int ints, const Layout& out,
                const Layout& in) {
  const bool sends_root = g.side == root_side && g.own == root;
  const int as_root = g.side != root_side ? root : g.own == root ? MPI_ROOT : MPI_PROC_NULL;
  const int other = 1 - root_side;
  const int n = ints / in.ints(), m = ints / out.ints();
  {
    const Layout& own = sends_root ? out : in;
    Memory buffer(own, 0, ints / own.ints());
    if (sends_root) buffer.put(0, values(call, id(root_side, root), 0, ints));
    CALL(form, MPI_Bcast, MPI_Ibcast, buffer.base(), ints / own.ints(), own.type, as_root, g.comm);
    if (g.side == other)
      expect_ints(&buffer, 0, values(call, id(root_side, root), 0, ints), "bcast across", call);
    expect(buffer.clean(), "bcast across, call %d: writes where it must not", call);
  }
  {
    Memory mine(out, 0, m), all(in, 0, sends_root ? n * g.remote : 0);
    mine.put(0, values(call, id(g.side, g.own), 1, ints));
    CALL(form, MPI_Gather, MPI_Igather, mine.base(), m, out.type, all.base(), n, in.type, as_root, g.comm);
    for (int i = 0; sends_root && i < g.remote; ++i)
      expect_ints(&all, i * n, values(call, id(other, i), 1, ints), "gather across", call);
    expect(all.clean(), "gather across, call %d: writes where it must not", call);
  }
  {
    Memory all(out, 0, sends_root ? m * g.remote : 0), mine(in, 0, n);
    for (int i = 0; sends_root && i < g.remote; ++i)
      all.put(i * m, values(call, id(root_side, root), i, ints));
    CALL(form, MPI_Scatter, MPI_Iscatter, all.base(), m, out.type, mine.base(), n, in.type, as_root, g.comm);
    if (g.side == other)
      expect_ints(&mine, 0, values(call, id(root_side, root), g.own, ints), "scatter across", call);
    expect(mine.clean(), "scatter across, call %d: writes where it must not", call);
  }
  {
    std::vector<int> counts, places;
    int next = 0;
    for (int i = 0; i < (sends_root ? g.remote : 0); ++i) {
      counts.push_back(ints + i);
      places.push_back(next);
      next += ints + i + 1;
    }
    std::vector<int> all(at(next), -1), mine = values(call, id(g.side, g.own), 2, ints + g.own);
    CALL(form, MPI_Gatherv, MPI_Igatherv, mine.data(), ints + g.own, MPI_INT, all.data(), counts.data(),
         places.data(), MPI_INT, as_root, g.comm);
    bool good = true;
    for (int i = 0; sends_root && i < g.remote; ++i) {
      for (int k = 0; k < counts[at(i)]; ++k)
        good = good && all[at(places[at(i)] + k)] == value(call, id(other, i), 2, k);
    }
    expect(good, "gatherv across, call %d", call);
    std::vector<int> got(at(ints + g.own), -1);
    CALL(form, MPI_Scatterv, MPI_Iscatterv, all.data(), counts.data(), places.data(), MPI_INT, got.data(),
         ints + g.own, MPI_INT, as_root, g.comm);
    if (g.side == other) expect(got == mine, "scatterv across, call %d: not what gatherv took", call);
    digest(got.data(), got.size() * 4);
  }
  {
    std::vector<long> mine, sum(at(ints), -1);
    for (int k = 0; k < ints; ++k) mine.push_back(value(call, id(g.side, g.own), 3, k));
    CALL(form, MPI_Reduce, MPI_Ireduce, mine.data(), sum.data(), ints, MPI_LONG, MPI_SUM, as_root, g.comm);
    bool good = true;
    for (int k = 0; sends_root && k < ints; ++k) {
      long expected = 0;
      for (int i = 0; i < g.remote; ++i) expected += value(call, id(other, i), 3, k);
      good = good && sum[at(k)] == expected;
    }
    expect(good, "reduce across, call %d", call);
  }
}

void both_ways(const Groups& g, Form form, int call, int ints, const Layout& out, const Layout& in) {
  const int other = 1 - g.side;
  const int n = ints / in.ints(), m = ints / out.ints();
  {
    Memory mine(out, 0, m), all(in, 0, n * g.remote);
    mine.put(0, values(call, id(g.side, g.own), 1, ints));
    CALL(form, MPI_Allgather, MPI_Iallgather, mine.base(), m, out.type, all.base(), n, in.type, g.comm);
    for (int i = 0; i < g.remote; ++i)
      expect_ints(&all, i * n, values(call, id(other, i), 1, ints), "allgather across", call);
    expect(all.clean(), "allgather across, call %d: writes into gaps", call);
  }
  {
    Memory outs(out, 0, m * g.remote), ins(in, 0, n * g.remote);
    for (int i = 0; i < g.remote; ++i) outs.put(i * m, values(call, id(g.side, g.own), id(other, i), ints));
    CALL(form, MPI_Alltoall, MPI_Ialltoall, outs.base(), m, out.type, ins.base(), n, in.type, g.comm);
    for (int i = 0; i < g.remote; ++i)
      expect_ints(&ins, i * n, values(call, id(other, i), id(g.side, g.own), ints), "alltoall across", call);
  }
  {
    // From each to each: as many ints as the ranks of both say.
    std::vector<int> to, to_places, to_bytes, from, from_places, from_bytes;
    std::vector<MPI_Datatype> types(at(g.remote), MPI_INT);
    int sent = 0, received = 0;
    for (int i = 0; i < g.remote; ++i) {
      const int up = g.side == 0 ? g.own : i, down = g.side == 0 ? i : g.own;
      to.push_back(g.side == 0 ? (up + 2 * down) % 4 : (3 * up + down) % 5);
      from.push_back(g.side == 0 ? (3 * up + down) % 5 : (up + 2 * down) % 4);
      to_places.push_back(sent);
      to_bytes.push_back(4 * sent);
      from_places.push_back(received);
      from_bytes.push_back(4 * received);
      sent += to[at(i)];
      received += from[at(i)];
    }
    std::vector<int> outs(at(sent)), ins(at(received), -1), ins2(at(received), -1), expected;
    for (int i = 0; i < g.remote; ++i) {
      for (int k = 0; k < to[at(i)]; ++k)
        outs[at(to_places[at(i)] + k)] = value(call, id(g.side, g.own), id(other, i), k);
      for (int k = 0; k < from[at(i)]; ++k)
        expected.push_back(value(call, id(other, i), id(g.side, g.own), k));
    }
    CALL(form, MPI_Alltoallv, MPI_Ialltoallv, outs.data(), to.data(), to_places.data(), MPI_INT, ins.data(),
         from.data(), from_places.data(), MPI_INT, g.comm);
    CALL(form, MPI_Alltoallw, MPI_Ialltoallw, outs.data(), to.data(), to_bytes.data(), types.data(),
         ins2.data(), from.data(), from_bytes.data(), types.data(), g.comm);
    expect(ins == expected, "alltoallv across, call %d", call);
    expect(ins2 == expected, "alltoallw across, call %d", call);
  }
  {
    std::vector<int> counts, places, mine = values(call, id(g.side, g.own), 5, g.own + 1);
    for (int i = 0; i < g.remote; ++i) {
      counts.push_back(i + 1);
      places.push_back(i * (g.remote + 2));
    }
    std::vector<int> all(at((g.remote + 2) * g.remote), -1);
    CALL(form, MPI_Allgatherv, MPI_Iallgatherv, mine.data(), g.own + 1, MPI_INT, all.data(), counts.data(),
         places.data(), MPI_INT, g.comm);
    bool good = true;
    for (int i = 0; i < g.remote; ++i) {
      for (int k = 0; k <= i; ++k)
        good = good && all[at(places[at(i)] + k)] == value(call, id(other, i), 5, k);
    }
    expect(good, "allgatherv across, call %d", call);
  }
  {
    std::vector<long> mine, sum(at(ints), -1);
    for (int k = 0; k < ints; ++k) mine.push_back(value(call, id(g.side, g.own), 6, k));
    CALL(form, MPI_Allreduce, MPI_Iallreduce, mine.data(), sum.data(), ints, MPI_LONG, MPI_SUM, g.comm);
    bool good = true;
    for (int k = 0; k < ints; ++k) {
      long expected = 0;
      for (int i = 0; i < g.remote; ++i) expected += value(call, id(other, i), 6, k);
      good = good && sum[at(k)] == expected;
    }
    expect(good, "allreduce across, call %d", call);
  }
  {
    const int block = 3 * g.remote;  // both groups contribute vectors of one length
    const int total = block * g.local;
    std::vector<long> mine, out_block(at(block), -1), out_block2(at(block), -1);
    for (int k = 0; k < total; ++k) mine.push_back(value(call, id(g.side, g.own), 7, k));
    const std::vector<int> counts(at(g.local), block);
    CALL(form, MPI_Reduce_scatter_block, MPI_Ireduce_scatter_block, mine.data(), out_block.data(), block,
         MPI_LONG, MPI_MAX, g.comm);
    CALL(form, MPI_Reduce_scatter, MPI_Ireduce_scatter, mine.data(), out_block2.data(), counts.data(),
         MPI_LONG, MPI_MAX, g.comm);
    bool good = true;
    for (int k = 0; k < block; ++k) {
      long expected = 0;
      for (int i = 0; i < g.remote; ++i)
        expected = std::max<long>(expected, value(call, id(other, i), 7, g.own * block + k));
      good = good && out_block[at(k)] == expected && out_block2[at(k)] == expected;
    }
    expect(good, "reduce_scatter across, call %d", call);
    digest(out_block.data(), out_block.size() * sizeof(long));
  }
  CALL(form, MPI_Barrier, MPI_Ibarrier, g.comm);
}

}  // namespace

void inter() {
  if (size < 2) {
    expect(true, "two groups need two ranks");
    return;
  }
  Random random = shared_random(6);
  for (int split = 0; split < 2; ++split) {
    const int boundary = split == 0 ? size / 2 : 1;
    Groups g{};
    g.side = split == 0 ? (rank < boundary ? 0 : 1) : (rank % 2);
    const int leaders[2] = {0, split == 0 ? boundary : 1};
    MPI_Comm local;
    MPI_Comm_split(MPI_COMM_WORLD, g.side, rank, &local);
    MPI_Intercomm_create(local, 0, MPI_COMM_WORLD, leaders[1 - g.side], 12 + split, &g.comm);
    MPI_Comm_rank(g.comm, &g.own);
    MPI_Comm_size(g.comm, &g.local);
    MPI_Comm_remote_size(g.comm, &g.remote);
    const int sizes[2] = {g.side == 0 ? g.local : g.remote, g.side == 0 ? g.remote : g.local};
    int call = 9000 + 500 * split;
    for (const Form form : forms()) {
      for (int i = 0; i < 6; ++i) {
        const int ints = kInts * random.between(1, i == 5 ? 2000 : 20);
        const int root_side = random.below(2), root = random.below(sizes[root_side]);
        const Layout& out = layout(random.below(kLayouts));
        const Layout& in = layout(random.below(kLayouts));
        first_half(g, form, ++call, root_side, root, ints, out, in);
        both_ways(g, form, ++call, ints, out, in);
      }
    }
    MPI_Comm_free(&g.comm);
    MPI_Comm_free(&local);
  }
}

}  // namespace test
