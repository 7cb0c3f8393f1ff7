# SPDX-License-Identifier: BSD-3-Clause
"""Groups, communicators, intercommunicators, attributes, names, info."""
import numpy
from mpi4py import MPI

from .harness import equal, record, test


@test
def groups_are_sets_in_order(world):
    group = world.Get_group()
    size = group.size
    equal((group.rank, size), (world.rank, world.size))
    evens = group.Incl(list(range(0, size, 2)))
    odds = group.Excl(list(range(0, size, 2)))
    equal(evens.size + odds.size, size)
    equal(MPI.Group.Compare(MPI.Group.Union(evens, odds), group) in (MPI.IDENT, MPI.SIMILAR), True)
    equal(MPI.Group.Intersection(evens, odds) == MPI.GROUP_EMPTY, True)
    equal(MPI.Group.Difference(group, odds).size, evens.size)
    equal(MPI.Group.Translate_ranks(evens, list(range(evens.size)), group), list(range(0, size, 2)))
    if size > 1:
        equal(MPI.Group.Translate_ranks(odds, [0], evens) == [MPI.UNDEFINED], True)
    backwards = group.Range_incl([(size - 1, 0, -1)])
    equal(MPI.Group.Translate_ranks(backwards, list(range(size)), group), list(range(size))[::-1])
    equal(group.Range_excl([(0, size - 1, 1)]).size, 0)
    for g in (evens, odds, backwards):
        g.Free()


@test
def split_orders_by_key(world):
    size, rank = world.size, world.rank
    half = world.Split(rank % 2, -rank)
    members = [r for r in range(size) if r % 2 == rank % 2][::-1]
    equal((half.rank, half.size), (members.index(rank), len(members)))
    equal(half.allgather(rank), members)
    half.Free()
    none = world.Split(MPI.UNDEFINED if rank == 0 else 1, rank)
    equal(none == MPI.COMM_NULL, rank == 0)
    if rank != 0:
        equal(none.allreduce(1), size - 1)
        none.Free()


@test
def duplicates_do_not_meet_each_others_messages(world):
    copy = world.Dup()
    equal(MPI.Comm.Compare(copy, world), MPI.CONGRUENT)
    equal(MPI.Comm.Compare(world, world), MPI.IDENT)
    to, source = (world.rank + 1) % world.size, (world.rank - 1) % world.size
    requests = [world.isend("world", to, tag=1), copy.isend("copy", to, tag=1)]
    equal(copy.recv(source=source, tag=1), "copy")
    equal(world.recv(source=source, tag=1), "world")
    MPI.Request.waitall(requests)
    copy.Free()
    later, request = world.Idup()
    request.Wait()
    equal(later.allreduce(2), 2 * world.size)
    later.Free()


@test
def communicators_are_made_of_groups(world):
    group = world.Get_group().Incl(list(range(world.size))[::-1])
    turned = world.Create(group)
    equal(turned.rank, world.size - 1 - world.rank)
    equal(MPI.Comm.Compare(turned, world), MPI.SIMILAR if world.size > 1 else MPI.CONGRUENT)
    turned.Free()
    lower = world.Get_group().Incl(list(range((world.size + 1) // 2)))
    if world.rank < (world.size + 1) // 2:
        part = world.Create_group(lower, 5)
        equal(part.allgather(world.rank), list(range((world.size + 1) // 2)))
        part.Free()
    shared = world.Split_type(MPI.COMM_TYPE_SHARED)
    equal(shared.size, world.size)
    shared.Free()


@test
def many_can_be_made_and_freed(world):
    for turn in range(60):
        comm = world.Split(world.rank % 2 if turn % 2 else 0, world.rank)
        assert comm.allreduce(1) == comm.size
        comm.Free()
    alive = [world.Dup() for _ in range(20)]
    for i, comm in enumerate(alive):
        assert comm.bcast(i, 0) == i
    for comm in alive:
        comm.Free()
    record("done")


@test
def attributes_are_copied_as_their_key_says(world):
    deleted = []
    key = MPI.Comm.Create_keyval(copy_fn=lambda c, k, v: v + 1, delete_fn=lambda c, k, v: deleted.append(v))
    plain = MPI.Comm.Create_keyval()
    comm = world.Dup()
    comm.Set_attr(key, 10)
    comm.Set_attr(plain, "stays")
    copy = comm.Dup()
    equal((copy.Get_attr(key), copy.Get_attr(plain)), (11, None))
    comm.Delete_attr(key)
    equal(comm.Get_attr(key), None)
    copy.Free()
    comm.Free()
    equal(deleted, [10, 11])
    MPI.Comm.Free_keyval(key)
    MPI.Comm.Free_keyval(plain)


@test
def names_are_kept(world):
    equal(world.Get_name(), "MPI_COMM_WORLD")
    equal(MPI.COMM_SELF.Get_name(), "MPI_COMM_SELF")
    comm = world.Dup()
    comm.Set_name("mine")
    equal(comm.Get_name(), "mine")
    comm.Free()


@test
def info_keeps_its_entries_in_order(world):
    info = MPI.Info.Create()
    info.Set("a", "1")
    info.Set("b", "two words")
    info.Set("a", "3")
    equal([info.Get_nthkey(i) for i in range(info.Get_nkeys())], ["a", "b"])
    equal((info.Get("a"), info.Get("b"), info.Get("c")), ("3", "two words", None))
    copy = info.Dup()
    info.Delete("a")
    equal((info.Get_nkeys(), copy.Get_nkeys()), (1, 2))
    info.Free()
    copy.Free()


@test
def self_is_a_communicator_of_one(world):
    own = MPI.COMM_SELF
    equal((own.rank, own.size), (0, 1))
    equal(own.allreduce(7), 7)
    equal(own.sendrecv("x", 0, source=0), "x")


@test
def intercommunicators_connect_two_groups(world):
    if world.size < 2:
        return
    low = world.rank < world.size // 2
    half = world.Split(0 if low else 1, world.rank)
    others = world.size - half.size
    inter = half.Create_intercomm(0, world, world.size // 2 if low else 0, 11)
    equal((inter.Is_inter(), inter.size, inter.remote_size, inter.rank), (True, half.size, others, half.rank))
    # messages
    if half.rank == 0:
        equal(inter.sendrecv(("low", "high")[not low], 0, source=0), ("high", "low")[not low])
    # collectives
    mine = numpy.array([world.rank], dtype="i")
    got = numpy.zeros(1, dtype="i")
    inter.Allreduce(mine, got)
    ranks_low = list(range(world.size // 2))
    ranks_high = list(range(world.size // 2, world.size))
    equal(int(got[0]), sum(ranks_high if low else ranks_low))
    equal(inter.allgather(world.rank), ranks_high if low else ranks_low)
    if low:
        root = MPI.ROOT if half.rank == 0 else MPI.PROC_NULL
        inter.bcast("from low", root)
    else:
        equal(inter.bcast(None, 0), "from low")
    inter.Barrier()
    merged = inter.Merge(high=not low)
    equal(merged.allgather(world.rank), list(range(world.size)))
    merged.Free()
    inter.Free()
    half.Free()
