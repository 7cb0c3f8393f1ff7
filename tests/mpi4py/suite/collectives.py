# SPDX-License-Identifier: BSD-3-Clause
"""Collectives: buffers and pickled objects, blocking and not, predefined and own operations, in place, with counts."""
import numpy
from mpi4py import MPI

from .harness import equal, record, test

KINDS = ("b", "B", "h", "H", "i", "I", "l", "L", "f", "d")


def vector(rank, n, kind):
    return ((numpy.arange(n) * (rank + 3) + rank) % 50 + 1).astype(kind)


@test
def barrier_is_left_by_nobody_before_all_came(world):
    for _ in range(10):
        world.Barrier()
    request = world.Ibarrier()
    request.Wait()
    record("passed")


@test
def bcast_gives_the_roots_data(world):
    for root in range(world.size):
        for n in (0, 1, 100, 50000):
            data = vector(root, n, "d") if world.rank == root else numpy.zeros(n)
            world.Bcast(data, root)
            assert (data == vector(root, n, "d")).all()
        equal(world.bcast({"from": root} if world.rank == root else None, root), {"from": root})


@test
def gather_and_scatter_are_inverse(world):
    size = world.size
    for root in range(size):
        whole = numpy.arange(size * 4, dtype="i") if world.rank == root else None
        part = numpy.zeros(4, dtype="i")
        world.Scatter(whole, part, root)
        equal(part, [4 * world.rank + i for i in range(4)])
        back = numpy.zeros(size * 4, dtype="i") if world.rank == root else None
        world.Gather(part, back, root)
        if world.rank == root:
            equal(back, list(range(4 * size)))
        equal(world.scatter([r * r for r in range(size)] if world.rank == root else None, root), world.rank ** 2)
        record(world.gather(("rank", world.rank), root))


@test
def forms_with_counts_leave_gaps_alone(world):
    size, rank = world.size, world.rank
    counts = [r + 1 for r in range(size)]
    places = [2 * sum(counts[:r]) for r in range(size)]
    room = 2 * sum(counts)
    mine = vector(rank, counts[rank], "i")
    whole = numpy.full(room, -1, dtype="i")
    world.Allgatherv(mine, [whole, counts, places, MPI.INT])
    wanted = numpy.full(room, -1, dtype="i")
    for r in range(size):
        wanted[places[r]:places[r] + counts[r]] = vector(r, counts[r], "i")
    equal(whole, wanted)
    whole[:] = -1
    world.Gatherv(mine, [whole, counts, places, MPI.INT], size - 1)
    if rank == size - 1:
        equal(whole, wanted)
    part = numpy.zeros(counts[rank], dtype="i")
    world.Scatterv([wanted, counts, places, MPI.INT] if rank == 0 else None, part, 0)
    equal(part, mine)


@test
def allgather_and_alltoall_exchange_blocks(world):
    size, rank = world.size, world.rank
    for n in (1, 3, 5000):
        got = numpy.zeros(size * n, dtype="d")
        world.Allgather(vector(rank, n, "d"), got)
        assert (got == numpy.concatenate([vector(r, n, "d") for r in range(size)])).all()
        out = numpy.concatenate([vector(rank * size + r, n, "d") for r in range(size)])
        world.Alltoall(out, got)
        assert (got == numpy.concatenate([vector(r * size + rank, n, "d") for r in range(size)])).all()
    equal(world.allgather(rank), list(range(size)))
    equal(world.alltoall([(rank, r) for r in range(size)]), [(r, rank) for r in range(size)])


@test
def alltoallv_and_alltoallw_take_each_pairs_count(world):
    size, rank = world.size, world.rank
    send_counts = [(rank + r) % 3 for r in range(size)]
    receive_counts = [(r + rank) % 3 for r in range(size)]
    send_places = [3 * r for r in range(size)]
    out = numpy.arange(3 * size, dtype="i") + 100 * rank
    got = numpy.full(3 * size, -1, dtype="i")
    world.Alltoallv([out, send_counts, send_places, MPI.INT], [got, receive_counts, send_places, MPI.INT])
    wanted = numpy.full(3 * size, -1, dtype="i")
    for r in range(size):
        for i in range(receive_counts[r]):
            wanted[3 * r + i] = 3 * rank + i + 100 * r
    equal(got, wanted)
    got[:] = -1
    types = [MPI.INT] * size
    bytes_of = [4 * p for p in send_places]
    world.Alltoallw([out, (send_counts, bytes_of), types], [got, (receive_counts, bytes_of), types])
    equal(got, wanted)


OPERATIONS = ((MPI.SUM, lambda a: a.sum(0)), (MPI.PROD, lambda a: a.prod(0)), (MPI.MIN, lambda a: a.min(0)),
              (MPI.MAX, lambda a: a.max(0)))
BITS = ((MPI.BAND, numpy.bitwise_and), (MPI.BOR, numpy.bitwise_or), (MPI.BXOR, numpy.bitwise_xor))
LOGIC = ((MPI.LAND, numpy.logical_and), (MPI.LOR, numpy.logical_or), (MPI.LXOR, numpy.logical_xor))


@test
def allreduce_of_all_types_and_operations(world):
    for kind in KINDS:
        every = numpy.array([vector(r, 33, kind) % 4 for r in range(world.size)]).astype(kind)
        got = numpy.zeros(33, dtype=kind)
        for op, fold in OPERATIONS:
            world.Allreduce(every[world.rank], got, op)
            assert (got == fold(every).astype(kind)).all(), (kind, op)
            record(got)
        if kind in "fd":
            continue
        for op, fold in BITS:
            world.Allreduce(every[world.rank], got, op)
            assert (got == fold.reduce(every, 0)).all(), (kind, op)
        for op, fold in LOGIC:  # of one rank the value itself
            world.Allreduce(every[world.rank], got, op)
            assert ((got != 0) == fold.reduce(every, 0)).all(), (kind, op)


@test
def allreduce_of_all_lengths(world):
    for n in (0, 1, 2, 3, 64, 1000, 4096, 100003):
        every = numpy.array([vector(r, n, "i") for r in range(world.size)])
        got = numpy.zeros(n, dtype="i")
        world.Allreduce(every[world.rank], got)
        assert (got == every.sum(0)).all(), n
        record(int(got.sum()))


@test
def location_goes_with_the_value(world):
    value = (world.rank * 7 + 3) % world.size
    equal(world.allreduce((value, world.rank), MPI.MINLOC),
          min(((r * 7 + 3) % world.size, r) for r in range(world.size)))
    pair = numpy.zeros(1, dtype="d,i")
    pair[0] = (value, world.rank)
    got = numpy.zeros(1, dtype="d,i")
    dtype = MPI.DOUBLE_INT
    out = numpy.zeros(1, dtype=[("v", "d"), ("i", "i"), ("pad", "i")])
    out[0] = (value, world.rank, 0)
    result = numpy.zeros_like(out)
    world.Allreduce([out, 1, dtype], [result, 1, dtype], MPI.MAXLOC)
    values = [(r * 7 + 3) % world.size for r in range(world.size)]
    equal((float(result[0]["v"]), int(result[0]["i"])), (float(max(values)), values.index(max(values))))
    del got


@test
def reduce_and_scans(world):
    size, rank = world.size, world.rank
    mine = vector(rank, 17, "l")
    every = numpy.array([vector(r, 17, "l") for r in range(size)])
    for root in range(size):
        got = numpy.zeros(17, dtype="l")
        world.Reduce(mine, got if rank == root else None, MPI.SUM, root)
        if rank == root:
            equal(got, every.sum(0))
    got = numpy.zeros(17, dtype="l")
    world.Scan(mine, got)
    equal(got, every[:rank + 1].sum(0))
    got[:] = -5
    world.Exscan(mine, got, MPI.MAX)
    if rank > 0:
        equal(got, every[:rank].max(0))
    equal(world.scan(rank), sum(range(rank + 1)))
    equal(world.exscan(rank), None if rank == 0 else sum(range(rank)))
    equal(world.reduce([rank], MPI.SUM, 0), [list(range(size)), None][rank != 0])


@test
def reduce_scatter_gives_each_its_block(world):
    size, rank = world.size, world.rank
    counts = [r % 3 + 1 for r in range(size)]
    total = sum(counts)
    every = numpy.array([vector(r, total, "i") for r in range(size)])
    got = numpy.zeros(counts[rank], dtype="i")
    world.Reduce_scatter(every[rank].copy(), got, counts)
    start = sum(counts[:rank])
    equal(got, every.sum(0)[start:start + counts[rank]])
    every = numpy.array([vector(r, 4 * size, "i") for r in range(size)])
    got = numpy.zeros(4, dtype="i")
    world.Reduce_scatter_block(every[rank].copy(), got)
    equal(got, every.sum(0)[4 * rank:4 * rank + 4])


@test
def in_place_forms(world):
    size, rank = world.size, world.rank
    data = vector(rank, 20, "i")
    every = numpy.array([vector(r, 20, "i") for r in range(size)])
    world.Allreduce(MPI.IN_PLACE, data)
    equal(data, every.sum(0))
    data = vector(rank, 20, "i")
    world.Reduce(MPI.IN_PLACE if rank == 0 else data, data if rank == 0 else None, MPI.MAX, 0)
    if rank == 0:
        equal(data, every.max(0))
    whole = numpy.full(size, -1, dtype="i")
    whole[rank] = rank * 3
    world.Allgather(MPI.IN_PLACE, whole)
    equal(whole, [3 * r for r in range(size)])
    blocks = numpy.arange(size, dtype="i") + 10 * rank
    world.Alltoall(MPI.IN_PLACE, blocks)
    equal(blocks, [10 * r + rank for r in range(size)])


@test
def own_operations_keep_the_order_of_ranks(world):
    # 2 x 2 matrices, which do not commute, modulo 97
    def product(a, b, dtype):
        left = numpy.frombuffer(a, dtype="l").reshape(-1, 2, 2)
        right = numpy.frombuffer(b, dtype="l").reshape(-1, 2, 2)
        right[:] = numpy.matmul(left, right) % 97

    def matrix(rank):
        return numpy.array([[rank + 1, 2], [3, rank * rank + 1]], dtype="l")

    op = MPI.Op.Create(product, commute=False)
    equal(op.Is_commutative(), False)
    dtype = MPI.LONG.Create_contiguous(4).Commit()
    mine = matrix(world.rank)
    wanted = matrix(0)
    prefix = [wanted]
    for r in range(1, world.size):
        wanted = numpy.matmul(wanted, matrix(r)) % 97
        prefix.append(wanted)
    got = numpy.zeros((2, 2), dtype="l")
    world.Allreduce([mine, 1, dtype], [got, 1, dtype], op)
    equal(got % 97, prefix[-1] % 97)
    world.Scan([mine, 1, dtype], [got, 1, dtype], op)
    equal(got % 97, prefix[world.rank] % 97)
    root = world.size - 1
    world.Reduce([mine, 1, dtype], [got, 1, dtype] if world.rank == root else None, op, root)
    if world.rank == root:
        equal(got % 97, prefix[-1] % 97)
    dtype.Free()
    op.Free()


@test
def pickled_objects_reduce_by_python_functions(world):
    equal(world.allreduce([world.rank], lambda a, b: a + b), list(range(world.size)))
    equal(world.allreduce(str(world.rank), MPI.SUM), "".join(map(str, range(world.size))))


@test
def non_blocking_ones_overlap(world):
    size, rank = world.size, world.rank
    sums = numpy.zeros(100)
    gathered = numpy.zeros(size, dtype="i")
    data = numpy.arange(50, dtype="i") if rank == 0 else numpy.zeros(50, dtype="i")
    swapped = numpy.zeros(size, dtype="i")
    scanned = numpy.zeros(1, dtype="i")
    requests = [
        world.Iallreduce(vector(rank, 100, "d"), sums),
        world.Iallgather(numpy.array([rank], dtype="i"), gathered),
        world.Ibcast(data, 0),
        world.Ialltoall(numpy.arange(size, dtype="i") * 10 + rank, swapped),
        world.Iscan(numpy.array([1], dtype="i"), scanned),
        world.Ibarrier(),
    ]
    MPI.Request.Waitall(requests[::-1])
    equal(sums, sum(vector(r, 100, "d") for r in range(size)))
    equal(gathered, list(range(size)))
    equal(data, list(range(50)))
    equal(swapped, [rank * 10 + r for r in range(size)])
    equal(scanned, [rank + 1])


@test
def all_non_blocking_forms(world):
    size, rank = world.size, world.rank
    got = numpy.zeros(size, dtype="i")
    one = numpy.array([rank + 1], dtype="i")
    ones = [1] * size
    places = list(range(size))
    world.Igather(one, got if rank == 0 else None, 0).Wait()
    if rank == 0:
        equal(got, [r + 1 for r in range(size)])
    part = numpy.zeros(1, dtype="i")
    world.Iscatter(numpy.arange(size, dtype="i") if rank == 0 else None, part, 0).Wait()
    equal(part, [rank])
    world.Igatherv(one, [got, ones, places, MPI.INT] if rank == 0 else None, 0).Wait()
    world.Iscatterv([got, ones, places, MPI.INT] if rank == 0 else None, part, 0).Wait()
    equal(part, [rank + 1])
    world.Iallgatherv(one, [got, ones, places, MPI.INT]).Wait()
    equal(got, [r + 1 for r in range(size)])
    out = numpy.arange(size, dtype="i") + 10 * rank
    world.Ialltoallv([out, ones, places, MPI.INT], [got, ones, places, MPI.INT]).Wait()
    equal(got, [10 * r + rank for r in range(size)])
    bytes_of = [4 * p for p in places]
    world.Ialltoallw([out, (ones, bytes_of), [MPI.INT] * size], [got, (ones, bytes_of), [MPI.INT] * size]).Wait()
    equal(got, [10 * r + rank for r in range(size)])
    world.Ireduce(one, part if rank == 0 else None, MPI.PROD, 0).Wait()
    if rank == 0:
        equal(int(part[0]), int(numpy.prod(numpy.arange(1, size + 1))))
    world.Ireduce_scatter(out, part, ones).Wait()
    equal(int(part[0]), sum(10 * r + rank for r in range(size)))
    world.Ireduce_scatter_block(out, part).Wait()
    equal(int(part[0]), sum(10 * r + rank for r in range(size)))
    world.Iexscan(one, part).Wait()
    if rank > 0:
        equal(int(part[0]), sum(range(1, rank + 1)))


@test
def sums_of_floats_are_the_same_each_time(world):
    mine = (numpy.sin(numpy.arange(1000.0) + world.rank) * 10.0 ** (world.rank % 5)).astype("f")
    first = numpy.zeros(1000, dtype="f")
    again = numpy.zeros(1000, dtype="f")
    world.Allreduce(mine, first)
    for _ in range(5):
        world.Allreduce(mine, again)
        assert first.tobytes() == again.tobytes()
    assert len(set(world.allgather(first.tobytes()))) == 1
    wanted = sum((numpy.sin(numpy.arange(1000.0) + r) * 10.0 ** (r % 5)) for r in range(world.size))
    assert numpy.allclose(first, wanted, rtol=1e-4, atol=1e-2)
