// SPDX-License-Identifier: BSD-3-Clause
// Communicators and intercommunicators.
#include <algorithm>

#include "program.hpp"

namespace test {

namespace {

void expect_comparison(MPI_Comm a, MPI_Comm b, int wanted, const char* what) {
  int result = -1;
  MPI_Comm_compare(a, b, &result);
  expect(result == wanted, "%s compare as %d in place of %d", what, result, wanted);
}

void expect_members(MPI_Comm comm, const std::vector<int>& wanted, const char* what) {
  const std::vector<int> got = world_ranks(comm);
  expect(got == wanted, "%s has other processes", what);
  int own = -1;
  MPI_Comm_rank(comm, &own);
  expect(own >= 0 && static_cast<std::size_t>(own) < wanted.size() &&
             wanted[static_cast<std::size_t>(own)] == rank,
         "%s: rank %d", what, own);
  digest(got);
}

}  // namespace

void communicators() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  std::vector<int> everyone;
  for (int i = 0; i < size; ++i) everyone.push_back(i);
  char name[MPI_MAX_OBJECT_NAME];
  int length = 0, flag = 1;
  MPI_Comm_get_name(MPI_COMM_WORLD, name, &length);
  expect(std::string(name) == "MPI_COMM_WORLD", "name '%s'", name);
  MPI_Comm_test_inter(MPI_COMM_WORLD, &flag);
  expect(flag == 0, "MPI_COMM_WORLD is an intercommunicator");

  MPI_Comm dup = MPI_COMM_NULL, back = MPI_COMM_NULL, half = MPI_COMM_NULL, made = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &dup);
  expect_members(dup, everyone, "MPI_Comm_dup");
  expect_comparison(dup, MPI_COMM_WORLD, MPI_CONGRUENT, "a duplicate");
  expect_comparison(dup, dup, MPI_IDENT, "the same");
  MPI_Comm_get_name(dup, name, &length);
  expect(length == 0, "a duplicate has the name '%s'", name);
  MPI_Comm_set_name(dup, "the own name");
  MPI_Comm_get_name(dup, name, &length);
  expect(std::string(name) == "the own name" && length == 12, "name '%s'", name);
  expect_works(dup, "MPI_Comm_dup");

  // Messages do not go from one to the other.
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  int out[2] = {rank, rank + 100}, in[2] = {-1, -1};
  MPI_Request requests[4];
  MPI_Irecv(&in[0], 1, MPI_INT, previous, 3, dup, &requests[0]);
  MPI_Irecv(&in[1], 1, MPI_INT, previous, 3, MPI_COMM_WORLD, &requests[1]);
  MPI_Isend(&out[1], 1, MPI_INT, next, 3, MPI_COMM_WORLD, &requests[2]);
  MPI_Isend(&out[0], 1, MPI_INT, next, 3, dup, &requests[3]);
  MPI_Waitall(4, requests, MPI_STATUSES_IGNORE);
  expect(in[0] == previous && in[1] == previous + 100, "messages cross communicators: %d and %d", in[0],
         in[1]);

  MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &back);
  std::vector<int> reversed(everyone.rbegin(), everyone.rend());
  expect_members(back, reversed, "MPI_Comm_split by keys");
  expect_comparison(back, MPI_COMM_WORLD, size > 1 ? MPI_SIMILAR : MPI_CONGRUENT, "another order");
  expect_works(back, "MPI_Comm_split by keys");
  MPI_Comm_split(back, rank % 2, 0, &half);
  std::vector<int> own_half;
  for (const int other : reversed) {
    if (other % 2 == rank % 2) own_half.push_back(other);
  }
  expect_members(half, own_half, "MPI_Comm_split of a split one, with equal keys");
  expect_comparison(half, MPI_COMM_WORLD, size > 1 ? MPI_UNEQUAL : MPI_CONGRUENT, "a half");
  expect_works(half, "a half");
  MPI_Comm_free(&half);
  MPI_Comm_split(MPI_COMM_WORLD, rank == 0 ? MPI_UNDEFINED : 1, 0, &made);
  expect((made == MPI_COMM_NULL) == (rank == 0), "MPI_UNDEFINED as color");
  if (made != MPI_COMM_NULL) {
    expect_works(made, "all but rank 0");
    MPI_Comm_free(&made);
  }
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &made);
  expect_members(made, everyone, "MPI_COMM_TYPE_SHARED on one host");
  MPI_Comm_free(&made);
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_UNDEFINED, 0, MPI_INFO_NULL, &made);
  expect(made == MPI_COMM_NULL, "split_type MPI_UNDEFINED gives a communicator");

  // Disjoint groups at once.
  MPI_Group group = MPI_GROUP_NULL, mine = MPI_GROUP_NULL;
  MPI_Comm_group(back, &group);
  std::vector<int> places;
  for (std::size_t i = 0; i < reversed.size(); ++i) {
    if (reversed[i] % 2 == rank % 2) places.push_back(static_cast<int>(i));
  }
  MPI_Group_incl(group, static_cast<int>(places.size()), places.data(), &mine);
  MPI_Comm_create(back, mine, &made);
  expect_members(made, own_half, "MPI_Comm_create of disjoint groups");
  expect_works(made, "MPI_Comm_create");
  MPI_Comm_free(&made);
  MPI_Comm_create(MPI_COMM_WORLD, MPI_GROUP_EMPTY, &made);
  expect(made == MPI_COMM_NULL, "MPI_Comm_create of MPI_GROUP_EMPTY gives a communicator");
  if (rank % 2 == 1 || size < 3) {  // only the members call it
    MPI_Comm_create_group(back, mine, 5, &made);
    expect_members(made, own_half, "MPI_Comm_create_group");
    expect_works(made, "MPI_Comm_create_group");
    MPI_Comm_free(&made);
  }
  MPI_Group_free(&mine);
  MPI_Group_free(&group);

  // Several at once, and everything else goes on meanwhile: rank 0 begins its last, and needs a message
  // before.
  MPI_Comm later[3];
  MPI_Request pending[3];
  if (rank != 0) {
    for (int i = 0; i < 3; ++i) MPI_Comm_idup(dup, &later[i], &pending[i]);
    if (rank == size - 1) MPI_Send(&rank, 1, MPI_INT, 0, 9, dup);
  } else {
    if (size > 1) MPI_Recv(&in[0], 1, MPI_INT, size - 1, 9, dup, MPI_STATUS_IGNORE);
    for (int i = 0; i < 3; ++i) MPI_Comm_idup(dup, &later[i], &pending[i]);
  }
  MPI_Barrier(dup);
  for (int i = 2; i >= 0; --i) MPI_Wait(&pending[i], MPI_STATUS_IGNORE);
  for (MPI_Comm& comm : later) {
    expect_comparison(comm, dup, MPI_CONGRUENT, "MPI_Comm_idup");
    expect_works(comm, "MPI_Comm_idup");
    MPI_Comm_free(&comm);
  }

  // Those of different communicators, begun in different orders.
  MPI_Comm parents[2] = {dup, back}, children[2];
  for (int i = 0; i < 2; ++i) {
    const int which = rank % 2 == 0 ? i : 1 - i;
    MPI_Comm_idup(parents[which], &children[which], &pending[which]);
  }
  MPI_Waitall(2, pending, MPI_STATUSES_IGNORE);
  for (int i = 0; i < 2; ++i) {
    expect_comparison(children[i], parents[i], MPI_CONGRUENT, "duplicates begun in different orders");
    expect_works(children[i], "duplicates begun in different orders");
    MPI_Comm_free(&children[i]);
  }

  // A chain of pairs, each made by its two processes alone.
  MPI_Comm_group(MPI_COMM_WORLD, &group);
  for (int low = rank == 0 ? 0 : rank - 1; low <= rank && low + 1 < size; ++low) {
    const int pair[2] = {low, low + 1};
    MPI_Group_incl(group, 2, pair, &mine);
    MPI_Comm_create_group(MPI_COMM_WORLD, mine, 1, &made);
    expect_members(made, {low, low + 1}, "a pair");
    expect_works(made, "a pair");
    MPI_Comm_free(&made);
    MPI_Group_free(&mine);
  }
  MPI_Group_free(&group);

  // A communicator that is freed lives until what is under way on it has ended.
  MPI_Comm doomed = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &doomed);
  MPI_Irecv(&in[0], 1, MPI_INT, previous, 1, doomed, &requests[0]);
  MPI_Isend(&out[0], 1, MPI_INT, next, 1, doomed, &requests[1]);
  MPI_Comm_free(&doomed);
  expect(doomed == MPI_COMM_NULL, "MPI_Comm_free leaves its handle");
  MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
  expect(in[0] == previous, "a message of a freed communicator has %d", in[0]);

  MPI_Comm_disconnect(&back);
  MPI_Comm_free(&dup);
  int value = 0;
  EXPECT_ERROR(MPI_Comm_size(dup, &value), MPI_ERR_COMM, "size of a freed communicator");
  EXPECT_ERROR(MPI_Comm_remote_size(MPI_COMM_WORLD, &value), MPI_ERR_COMM, "remote size of MPI_COMM_WORLD");
  MPI_Comm no = MPI_COMM_WORLD;
  EXPECT_ERROR(MPI_Comm_free(&no), MPI_ERR_COMM, "freeing MPI_COMM_WORLD");
  EXPECT_ERROR(MPI_Comm_split(MPI_COMM_SELF, -3, 0, &made), MPI_ERR_ARG, "a negative color");
  MPI_Comm parent = MPI_COMM_WORLD;
  MPI_Comm_get_parent(&parent);
  expect(parent == MPI_COMM_NULL, "MPI_Comm_get_parent");
}

void many() {
  // As many as live at once, and again and again.
  for (const int live : {1000, 100, 100, 100}) {
    std::vector<MPI_Comm> comms(static_cast<std::size_t>(live), MPI_COMM_NULL);
    for (MPI_Comm& comm : comms) MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    expect_works(comms.front(), "the first of many");
    expect_works(comms.back(), "the last of many");
    for (MPI_Comm& comm : comms) MPI_Comm_free(&comm);
  }
  MPI_Comm chain = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &chain);
  for (int i = 0; i < 300; ++i) {
    MPI_Comm next = MPI_COMM_NULL;
    MPI_Comm_split(chain, 0, (i % 2 == 0 ? 1 : -1) * rank, &next);
    MPI_Comm_free(&chain);
    chain = next;
  }
  expect_works(chain, "the end of a chain");
  MPI_Comm_free(&chain);
}

// --- intercommunicators
// -------------------------------------------------------------------------------------

namespace {

/// Each process sends its rank to the peer of the same number, if any, and to all of the others by a
/// collective.
void expect_inter_works(MPI_Comm inter, const char* what) {
  int own = -1, local = 0, remote = 0;
  MPI_Comm_rank(inter, &own);
  MPI_Comm_size(inter, &local);
  MPI_Comm_remote_size(inter, &remote);
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Comm_remote_group(inter, &group);
  const std::vector<int> others = ranks_of_group(group);
  MPI_Group_free(&group);
  expect(static_cast<int>(others.size()) == remote, "%s: remote group", what);
  MPI_Request send = MPI_REQUEST_NULL;
  if (own < remote) MPI_Isend(&rank, 1, MPI_INT, own, 2, inter, &send);
  if (own < remote) {
    int got = -1;
    MPI_Status status;
    MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, 2, inter, &status);
    expect(status.MPI_SOURCE == own, "%s: source %d in place of %d", what, status.MPI_SOURCE, own);
    expect(got == others[static_cast<std::size_t>(own)], "%s: message has %d", what, got);
  }
  MPI_Wait(&send, MPI_STATUS_IGNORE);
  std::vector<int> all(static_cast<std::size_t>(remote), -1);
  MPI_Allgather(&rank, 1, MPI_INT, all.data(), 1, MPI_INT, inter);
  expect(all == others, "%s: allgather", what);
  digest(others);
}

}  // namespace

void intercommunicators() {
  if (size < 2) return;
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  // Two groups of unlike size: ranks that are a multiple of 3, and the others in the reverse order.
  const int side = rank % 3 == 0 ? 0 : 1;
  MPI_Comm local = MPI_COMM_NULL, inter = MPI_COMM_NULL, made = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, side, side == 0 ? rank : -rank, &local);
  const std::vector<int> own = world_ranks(local);
  // The leaders are the last of each group.
  const int leader = static_cast<int>(own.size()) - 1;
  int other_leader = -1;
  for (int i = 0; i < size; ++i) {
    if ((i % 3 == 0) != (side == 0) && (side == 0 ? other_leader < 0 : true)) other_leader = i;
  }
  MPI_Intercomm_create(local, leader, MPI_COMM_WORLD, other_leader, 4, &inter);
  int flag = 0;
  MPI_Comm_test_inter(inter, &flag);
  expect(flag != 0, "MPI_Intercomm_create gives an intracommunicator");
  expect(world_ranks(inter) == own, "the local group is another");
  expect_inter_works(inter, "MPI_Intercomm_create");

  MPI_Intercomm_merge(inter, side == 0 ? 1 : 0, &made);
  const std::vector<int> merged = world_ranks(made);
  digest(merged);
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Comm_remote_group(inter, &group);
  std::vector<int> wanted = side == 0 ? ranks_of_group(group) : own;
  const std::vector<int> behind = side == 0 ? own : ranks_of_group(group);
  MPI_Group_free(&group);
  wanted.insert(wanted.end(), behind.begin(), behind.end());
  expect(merged == wanted, "MPI_Intercomm_merge: high is not behind");
  expect_works(made, "MPI_Intercomm_merge");
  MPI_Comm_free(&made);
  MPI_Intercomm_merge(inter, 0, &made);  // any order
  expect_works(made, "MPI_Intercomm_merge with equal wishes");
  MPI_Comm_free(&made);

  MPI_Comm_dup(inter, &made);
  int result = -1;
  MPI_Comm_compare(made, inter, &result);
  expect(result == MPI_CONGRUENT, "a duplicate of an intercommunicator compares as %d", result);
  MPI_Comm_compare(made, MPI_COMM_WORLD, &result);
  expect(result == MPI_UNEQUAL, "an intercommunicator and MPI_COMM_WORLD compare as %d", result);
  expect_inter_works(made, "MPI_Comm_dup of an intercommunicator");
  MPI_Comm_free(&made);

  int place = -1, remote = 0;
  MPI_Comm_rank(inter, &place);
  MPI_Comm_remote_size(inter, &remote);
  MPI_Comm_split(inter, place % 2, -place, &made);
  // Colour 1 exists on both sides only if both have two processes.
  const bool both = place % 2 == 0 || remote > 1;
  expect((made != MPI_COMM_NULL) == both, "MPI_Comm_split of an intercommunicator");
  if (made != MPI_COMM_NULL) {
    expect_inter_works(made, "MPI_Comm_split of an intercommunicator");
    MPI_Comm_free(&made);
  }

  // The first of each side.
  MPI_Comm_group(inter, &group);
  MPI_Group first = MPI_GROUP_NULL;
  const int zero = 0;
  MPI_Group_incl(group, 1, &zero, &first);
  MPI_Comm_create(inter, first, &made);
  expect((made != MPI_COMM_NULL) == (place == 0), "MPI_Comm_create of an intercommunicator");
  if (made != MPI_COMM_NULL) {
    expect_inter_works(made, "MPI_Comm_create of an intercommunicator");
    MPI_Comm_free(&made);
  }
  MPI_Group_free(&first);
  MPI_Group_free(&group);
  EXPECT_ERROR(MPI_Cartdim_get(inter, &result), MPI_ERR_TOPOLOGY, "dimensions of an intercommunicator");
  MPI_Comm_free(&inter);
  MPI_Comm_free(&local);
}

}  // namespace test
