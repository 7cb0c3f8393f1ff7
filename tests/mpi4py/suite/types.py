# SPDX-License-Identifier: BSD-3-Clause
"""Derived datatypes: constructors, layout, transfer, packing."""
import numpy
from mpi4py import MPI

from .harness import equal, record, test
from .messages import left, right


def layout(dtype):
    """Size and extents; a type without data has no true extent (MPIs differ in what they say)."""
    return (dtype.size, dtype.Get_extent(), dtype.Get_true_extent() if dtype.size > 0 else None)


def made(dtype):
    """Records a type's layout, commits it."""
    record(layout(dtype))
    return dtype.Commit()


@test
def layouts_are_those_of_the_standard(world):
    equal(layout(MPI.INT.Create_contiguous(3)), (12, (0, 12), (0, 12)))
    equal(layout(MPI.DOUBLE.Create_vector(3, 2, 4)), (48, (0, 80), (0, 80)))
    equal(layout(MPI.DOUBLE.Create_hvector(2, 1, 104)), (16, (0, 112), (0, 112)))
    equal(layout(MPI.INT.Create_indexed([1, 2], [4, 0])), (12, (0, 20), (0, 20)))
    equal(layout(MPI.INT.Create_hindexed([1, 2], [16, -8])), (12, (-8, 28), (-8, 28)))
    equal(layout(MPI.INT.Create_indexed_block(2, [5, 1])), (16, (4, 24), (4, 24)))
    equal(layout(MPI.INT.Create_resized(-4, 32)), (4, (-4, 32), (0, 4)))
    struct = MPI.Datatype.Create_struct([1, 1], [0, 8], [MPI.CHAR, MPI.DOUBLE])
    equal(layout(struct), (9, (0, 16), (0, 16)))
    padded = MPI.Datatype.Create_struct([1, 1], [0, 8], [MPI.DOUBLE, MPI.CHAR])
    equal(layout(padded), (9, (0, 16), (0, 9)))
    equal(layout(MPI.INT.Create_subarray([4, 5], [2, 3], [1, 2])), (24, (0, 80), (28, 32)))


def swap(world, out, out_type, got, got_type):
    world.Sendrecv([out, 1, out_type], right(world), 0, [got, 1, got_type], left(world), 0)


@test
def a_column_arrives_as_a_row(world):
    n = 50
    matrix = numpy.arange(n * n, dtype="d").reshape(n, n) + world.rank
    column = made(MPI.DOUBLE.Create_vector(n, 1, n))
    row = made(MPI.DOUBLE.Create_contiguous(n))
    got = numpy.zeros(n)
    swap(world, matrix, column, got, row)
    equal(got, numpy.arange(n) * n + float(left(world)))
    target = numpy.zeros((n, n))
    swap(world, got, row, target, column)
    assert (target[:, 1:] == 0).all()
    equal(target[:, 0], numpy.arange(n) * n + float((left(world) - 1) % world.size))
    column.Free()
    row.Free()


@test
def a_part_of_an_array_moves_alone(world):
    shape, part, start = [6, 7, 8], [2, 3, 4], [1, 2, 3]
    box = made(MPI.INT.Create_subarray(shape, part, start))
    out = numpy.arange(6 * 7 * 8, dtype="i").reshape(shape) * (world.rank + 1)
    got = numpy.full(shape, -1, dtype="i")
    swap(world, out, box, got, box)
    wanted = numpy.full(shape, -1, dtype="i")
    wanted[1:3, 2:5, 3:7] = (numpy.arange(6 * 7 * 8, dtype="i").reshape(shape) * (left(world) + 1))[1:3, 2:5, 3:7]
    equal(got, wanted)
    box.Free()


@test
def structures_move_field_by_field(world):
    fields = numpy.dtype([("c", "b"), ("d", "d"), ("i", "i", 3)], align=True)
    dtype = MPI.Datatype.Create_struct(
        [1, 1, 3], [fields.fields[f][1] for f in "cdi"], [MPI.SIGNED_CHAR, MPI.DOUBLE, MPI.INT])
    dtype = made(dtype.Create_resized(0, fields.itemsize))
    out = numpy.zeros(5, dtype=fields)
    out["c"] = numpy.arange(5) + world.rank
    out["d"] = numpy.arange(5) * 1.5
    out["i"] = world.rank
    got = numpy.zeros(5, dtype=fields)
    world.Sendrecv([out, 5, dtype], right(world), 0, [got, 5, dtype], left(world), 0)
    equal(got["c"], numpy.arange(5) + left(world))
    equal(got["d"], numpy.arange(5) * 1.5)
    equal(int(got["i"].sum()), 15 * left(world))
    dtype.Free()


@test
def collectives_take_derived_types(world):
    size, rank = world.size, world.rank
    every_other = made(MPI.INT.Create_vector(10, 1, 2))
    data = numpy.full(20, -1, dtype="i")
    if rank == 0:
        data[::2] = numpy.arange(10)
    world.Bcast([data, 1, every_other], 0)
    equal(data[::2], list(range(10)))
    equal(set(data[1::2].tolist()), {-1})
    spread = made(every_other.Create_resized(0, 80))
    got = numpy.full(20 * size, -1, dtype="i")
    mine = numpy.arange(10, dtype="i") + 100 * rank
    world.Allgather([mine, 10, MPI.INT], [got, 1, spread])
    for r in range(size):
        equal(got[20 * r:20 * r + 20:2], numpy.arange(10) + 100 * r)
        assert (got[20 * r + 1:20 * r + 20:2] == -1).all()
    every_other.Free()
    spread.Free()


@test
def packing_gives_the_elements_in_order(world):
    dtype = MPI.INT.Create_indexed([2, 1], [3, 0]).Create_resized(0, 40).Commit()
    data = numpy.arange(10, dtype="i")
    size = dtype.Pack_size(1, world)
    assert size >= 12
    buffer = bytearray(size)
    position = dtype.Pack(data, buffer, 0, world)
    equal(position, 12)
    back = numpy.zeros(10, dtype="i")
    dtype.Unpack(buffer, 0, back, world)
    equal(back, [0, 0, 0, 3, 4, 0, 0, 0, 0, 0])
    dtype.Free()


@test
def external32_is_big_endian(world):
    data = numpy.array([1, -2, 0x01020304], dtype="i")
    size = MPI.INT.Pack_external_size("external32", 3)
    equal(size, 12)
    buffer = bytearray(size)
    equal(MPI.INT.Pack_external("external32", data, buffer, 0), 12)
    equal(buffer.hex(), "00000001fffffffe01020304")
    back = numpy.zeros(3, dtype="i")
    MPI.INT.Unpack_external("external32", buffer, 0, back)
    equal(back, data)


@test
def envelopes_tell_how_a_type_was_made(world):
    vector = MPI.DOUBLE.Create_vector(3, 2, 4)
    count_integers, count_addresses, count_types, combiner = vector.Get_envelope()
    equal((count_integers, count_addresses, count_types, combiner == MPI.COMBINER_VECTOR), (3, 0, 1, True))
    integers, addresses, types = vector.Get_contents()
    equal((integers, addresses, types[0] == MPI.DOUBLE), ([3, 2, 4], [], True))
    equal(MPI.INT.Get_envelope()[3] == MPI.COMBINER_NAMED, True)
    copy = vector.Dup()
    equal(copy.Get_envelope()[3] == MPI.COMBINER_DUP, True)


@test
def types_have_names_and_attributes(world):
    equal(MPI.DOUBLE.Get_name(), "MPI_DOUBLE")
    dtype = MPI.INT.Create_contiguous(2)
    dtype.Set_name("two integers")
    equal(dtype.Get_name(), "two integers")
    deleted = []
    keyval = MPI.Datatype.Create_keyval(copy_fn=lambda d, k, v: v + 1, delete_fn=lambda d, k, v: deleted.append(v))
    dtype.Set_attr(keyval, 5)
    copy = dtype.Dup()
    equal(copy.Get_attr(keyval), 6)
    copy.Free()
    dtype.Free()
    equal(deleted, [6, 5])
    MPI.Datatype.Free_keyval(keyval)


@test
def distributed_arrays_cover_the_array_once(world):
    size, rank = world.size, world.rank
    dims = MPI.Compute_dims(size, 2)
    shape = [7, 10]
    for kinds in ((MPI.DISTRIBUTE_BLOCK, MPI.DISTRIBUTE_CYCLIC), (MPI.DISTRIBUTE_CYCLIC, MPI.DISTRIBUTE_BLOCK)):
        dtype = MPI.INT.Create_darray(size, rank, shape, kinds, [MPI.DISTRIBUTE_DFLT_DARG] * 2, dims).Commit()
        record(layout(dtype))
        mine = numpy.zeros(dtype.size // 4, dtype="i")
        whole = numpy.arange(70, dtype="i")
        world.Sendrecv([whole, 1, dtype], rank, 0, mine, rank, 0)
        every = sorted(v for part in world.allgather(mine.tolist()) for v in part)
        equal(every, list(range(70)))
        dtype.Free()
