# SPDX-License-Identifier: BSD-3-Clause
"""Blocking messages: modes, wildcards, order, probes, pickled objects and buffers."""
import numpy
from mpi4py import MPI

from .harness import equal, record, test

SIZES = (0, 1, 7, 32, 33, 1000, 4097, 70001, 1 << 20)


def right(world):
    return (world.rank + 1) % world.size


def left(world):
    return (world.rank - 1) % world.size


def pattern(n, seed):
    return ((numpy.arange(n, dtype=numpy.uint64) * 2654435761 + seed * 97) >> 7).astype(numpy.uint8)


@test
def buffers_of_all_sizes_go_around(world):
    for size in SIZES:
        out = pattern(size, world.rank)
        got = numpy.full(size, 0xEE, dtype=numpy.uint8)
        world.Sendrecv(out, right(world), 5, got, left(world), 5)
        assert (got == pattern(size, left(world))).all(), size
        record(int(got.sum()))


@test
def pickled_objects_arrive_equal(world):
    thing = {"rank": world.rank, "list": [1.5, None, "text"], "bytes": b"x" * (1000 * world.rank)}
    request = world.isend(thing, right(world), tag=3)
    got = world.recv(source=left(world), tag=3)
    request.wait()
    equal(got["rank"], left(world))
    equal(len(got["bytes"]), 1000 * left(world))
    equal(got["list"], [1.5, None, "text"])


@test
def messages_of_one_sender_keep_their_order(world):
    count = 50
    requests = [world.isend((world.rank, i), right(world), tag=i % 3) for i in range(count)]
    for tag in range(3):
        seen = [world.recv(source=left(world), tag=tag)[1] for i in range(count) if i % 3 == tag]
        equal(seen, [i for i in range(count) if i % 3 == tag])
    MPI.Request.waitall(requests)


@test
def any_source_takes_each_message_once(world):
    if world.rank == 0:
        status = MPI.Status()
        seen = []
        for _ in range(3 * (world.size - 1)):
            value = world.recv(source=MPI.ANY_SOURCE, tag=MPI.ANY_TAG, status=status)
            assert value == (status.source, status.tag)
            seen.append(value)
        equal(sorted(seen), sorted((r, t) for r in range(1, world.size) for t in range(3)))
        for r in range(1, world.size):
            equal([t for s, t in seen if s == r], [0, 1, 2])
    else:
        for tag in range(3):
            world.send((world.rank, tag), 0, tag=tag)


@test
def all_modes_deliver(world):
    n = 100
    out = numpy.arange(n, dtype="d") + world.rank
    for mode in ("Send", "Ssend", "Bsend", "Rsend"):
        got = numpy.zeros(n)
        request = world.Irecv(got, left(world), 9)
        world.Barrier()  # ready mode: the receive is posted
        if mode == "Bsend":
            MPI.Attach_buffer(bytearray(n * 8 + 2 * MPI.BSEND_OVERHEAD))
        getattr(world, mode)(out, right(world), 9)
        request.Wait()
        if mode == "Bsend":
            MPI.Detach_buffer()
        equal(got, numpy.arange(n, dtype="d") + left(world))


@test
def synchronous_send_waits_for_the_receive(world):
    for size in (0, 1, 100, 100000):
        out = numpy.zeros(size, dtype="b")
        request = world.Issend(out, right(world), 1)
        world.Barrier()
        assert not request.Test(), size  # nobody has posted a receive yet
        world.Barrier()
        world.Recv(numpy.empty(size, dtype="b"), left(world), 1)
        request.Wait()
    record("matched")


@test
def sendrecv_replace_replaces(world):
    data = numpy.full(3000, world.rank, dtype="i")
    world.Sendrecv_replace(data, right(world), 0, left(world), 0)
    equal(set(data.tolist()), {left(world)})


@test
def process_null_sends_and_receives_nothing(world):
    status = MPI.Status()
    data = numpy.array([1, 2, 3])
    world.Send(data, MPI.PROC_NULL, 4)
    world.Recv(data, MPI.PROC_NULL, 4, status)
    equal(data, [1, 2, 3])
    equal((status.source == MPI.PROC_NULL, status.tag == MPI.ANY_TAG, status.Get_count(MPI.INT)), (True, True, 0))


@test
def status_counts_elements(world):
    status = MPI.Status()
    out = numpy.arange(5, dtype="i")
    request = world.Isend(out, right(world), 2)
    world.Recv(numpy.zeros(20, dtype="i"), left(world), 2, status)
    request.Wait()
    equal((status.source, status.tag, status.count), (left(world), 2, 20))
    equal(status.Get_count(MPI.INT), 5)
    equal(status.Get_elements(MPI.INT), 5)
    equal(status.Get_count(MPI.BYTE), 20)
    equal(status.Get_count(MPI.DOUBLE) == MPI.UNDEFINED, True)


@test
def probe_leaves_the_message(world):
    status = MPI.Status()
    request = world.Isend(numpy.arange(10, dtype="d"), right(world), 6)
    world.Probe(MPI.ANY_SOURCE, 6, status)
    equal((status.source, status.tag, status.Get_count(MPI.DOUBLE)), (left(world), 6, 10))
    while not world.Iprobe(left(world), MPI.ANY_TAG, status):
        pass
    equal(status.Get_count(MPI.DOUBLE), 10)
    got = numpy.zeros(10)
    world.Recv(got, status.source, status.tag)
    request.Wait()
    equal(world.Iprobe(left(world), 6), False)
    equal(got, range_d(10))


def range_d(n):
    return [float(i) for i in range(n)]


@test
def matched_probe_takes_the_message_out(world):
    requests = [world.isend(i, right(world), tag=8) for i in range(2)]
    first = world.mprobe(left(world), 8)
    equal(world.recv(source=left(world), tag=8), 1)  # the first one is claimed
    equal(first.recv(), 0)
    MPI.Request.waitall(requests)
    request = world.Isend(numpy.arange(4, dtype="i"), right(world), 8)
    message = None
    while message is None:
        message = world.Improbe(left(world), 8)
    got = numpy.zeros(4, dtype="i")
    message.Irecv(got).Wait()
    request.Wait()
    equal(got, [0, 1, 2, 3])


@test
def messages_to_oneself_arrive(world):
    for size in (0, 10, 100000):
        out = pattern(size, 3)
        got = numpy.zeros(size, dtype=numpy.uint8)
        request = world.Irecv(got, world.rank, 77)
        world.Send(out, world.rank, 77)
        request.Wait()
        assert (got == out).all()
    record("self")


@test
def tags_up_to_the_upper_bound_match(world):
    top = world.Get_attr(MPI.TAG_UB)
    request = world.isend("top", right(world), tag=top)
    equal(world.recv(source=left(world), tag=top), "top")
    request.wait()


@test
def many_unexpected_messages_are_found_by_tag(world):
    count = 500
    requests = [world.Isend(numpy.array([i], dtype="i"), right(world), i) for i in range(count)]
    got = numpy.zeros(1, dtype="i")
    for i in reversed(range(count)):
        world.Recv(got, left(world), i)
        assert got[0] == i
    MPI.Request.Waitall(requests)
    record(count)
