# SPDX-License-Identifier: BSD-3-Clause
"""Non-blocking and persistent messages, and the ways of completing them."""
import numpy
from mpi4py import MPI

from .harness import equal, record, test
from .messages import left, right


@test
def waitall_fills_every_status(world):
    size = world.size
    got = numpy.zeros((size, 3), dtype="i")
    requests = [world.Irecv(got[r], r, 1) for r in range(size)]
    requests += [world.Isend(numpy.array([world.rank, r, 7], dtype="i"), r, 1) for r in range(size)]
    statuses = [MPI.Status() for _ in requests]
    MPI.Request.Waitall(requests, statuses)
    equal(got, [[r, world.rank, 7] for r in range(size)])
    equal([(s.source, s.tag, s.Get_count(MPI.INT)) for s in statuses[:size]], [(r, 1, 3) for r in range(size)])


@test
def waitany_returns_each_request_once(world):
    got = [numpy.zeros(1, dtype="i") for _ in range(4)]
    receives = [world.Irecv(g, left(world), i) for i, g in enumerate(got)]
    sends = [world.Isend(numpy.array([10 * i], dtype="i"), right(world), i) for i in (2, 0, 3, 1)]
    seen = []
    for _ in range(4):
        seen.append(MPI.Request.Waitany(receives))
    equal(sorted(seen), [0, 1, 2, 3])
    equal(MPI.Request.Waitany(receives) == MPI.UNDEFINED, True)
    equal([int(g[0]) for g in got], [0, 10, 20, 30])
    MPI.Request.Waitall(sends)


@test
def waitsome_and_testsome_finish_all(world):
    n = 6
    got = [numpy.zeros(1, dtype="i") for _ in range(n)]
    receives = [world.Irecv(g, left(world), i) for i, g in enumerate(got)]
    sends = [world.Isend(numpy.array([i], dtype="i"), right(world), i) for i in range(n)]
    done = []
    while len(done) < n:
        some = MPI.Request.Waitsome(receives) if len(done) % 2 == 0 else MPI.Request.Testsome(receives)
        done += some or []
    equal(sorted(done), list(range(n)))
    equal(MPI.Request.Waitsome(receives), None)
    MPI.Request.Waitall(sends)


@test
def testall_is_true_when_all_are_complete(world):
    got = numpy.zeros(2, dtype="i")
    receives = [world.Irecv(got[i:i + 1], left(world), i) for i in range(2)]
    world.Barrier()
    equal(MPI.Request.Testall(receives), False)
    world.Barrier()  # nobody has sent before all have looked
    sends = [world.Isend(numpy.array([i + 5], dtype="i"), right(world), i) for i in range(2)]
    while not MPI.Request.Testall(receives):
        pass
    while MPI.Request.Testany(sends) != (MPI.UNDEFINED, True):
        pass
    equal(got, [5, 6])


@test
def get_status_does_not_take_the_request(world):
    got = numpy.zeros(1, dtype="i")
    receive = world.Irecv(got, left(world), 0)
    send = world.Isend(numpy.array([3], dtype="i"), right(world), 0)
    status = MPI.Status()
    while not receive.Get_status(status):
        pass
    equal(status.Get_count(MPI.INT), 1)
    receive.Wait()
    send.Wait()


@test
def persistent_requests_start_again(world):
    out = numpy.zeros(10, dtype="i")
    got = numpy.zeros(10, dtype="i")
    requests = [world.Send_init(out, right(world), 4), world.Recv_init(got, left(world), 4)]
    for turn in range(5):
        out[:] = world.rank * 100 + turn
        MPI.Prequest.Startall(requests)
        MPI.Request.Waitall(requests)
        equal(int(got[0]), left(world) * 100 + turn)
    requests[0].Wait()  # inactive: returns at once
    synchronous = world.Ssend_init(out, right(world), 5)
    receive = world.Recv_init(got, left(world), 5)
    synchronous.Start()
    receive.Start()
    receive.Wait()
    synchronous.Wait()
    for request in (*requests, synchronous, receive):
        request.Free()


@test
def receive_is_cancelled_when_nothing_matched(world):
    got = numpy.full(1, 9, dtype="i")
    request = world.Irecv(got, left(world), 123)
    request.Cancel()
    status = MPI.Status()
    request.Wait(status)
    equal(status.Is_cancelled(), True)
    equal(got, [9])


@test
def computation_overlaps(world):
    n = 200000
    got = numpy.zeros(n)
    requests = [world.Irecv(got, left(world), 0), world.Isend(numpy.full(n, float(world.rank)), right(world), 0)]
    total = sum(i * i for i in range(20000))
    MPI.Request.Waitall(requests)
    record(total)
    assert (got == left(world)).all()


@test
def generalized_request_completes(world):
    calls = []

    def query(status, *args):
        status.Set_elements(MPI.INT, 4)
        status.source = 0
        status.tag = 2
        calls.append("query")

    request = MPI.Grequest.Start(query, lambda *a: calls.append("free"), lambda done, *a: calls.append("cancel"))
    equal(request.Test(), False)
    request.Complete()
    status = MPI.Status()
    request.Wait(status)
    equal(status.Get_elements(MPI.INT), 4)
    equal(calls[:1], ["query"])
