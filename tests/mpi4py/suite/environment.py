# SPDX-License-Identifier: BSD-3-Clause
"""Initialisation, versions, clocks, attributes of the job."""
from mpi4py import MPI

from .harness import equal, record, test


@test
def is_initialized_with_threads(world):
    equal(MPI.Is_initialized(), True)
    equal(MPI.Is_finalized(), False)
    equal(MPI.Query_thread(), MPI.THREAD_MULTIPLE)
    equal(MPI.Is_thread_main(), True)


@test
def version_is_that_of_the_standard(world):
    record(MPI.Get_version())
    assert MPI.Get_version() >= (3, 1)
    assert len(MPI.Get_library_version()) > 0


@test
def clock_does_not_run_backwards(world):
    assert MPI.Wtick() > 0
    last = MPI.Wtime()
    for _ in range(1000):
        now = MPI.Wtime()
        assert now >= last
        last = now


@test
def processor_has_a_name(world):
    names = world.allgather(MPI.Get_processor_name())
    assert all(names)


@test
def predefined_attributes_have_values(world):
    assert world.Get_attr(MPI.TAG_UB) >= 32767
    assert world.Get_attr(MPI.WTIME_IS_GLOBAL) in (0, 1, False, True)


@test
def dimensions_are_balanced(world):
    equal(MPI.Compute_dims(12, 2), [4, 3])
    equal(MPI.Compute_dims(24, 3), [4, 3, 2])
    equal(MPI.Compute_dims(6, [0, 3]), [2, 3])
    equal(MPI.Compute_dims(7, 2), [7, 1])
    equal(MPI.Compute_dims(1, 3), [1, 1, 1])


@test
def memory_can_be_allocated(world):
    memory = MPI.Alloc_mem(1000)
    equal(len(memory), 1000)
    memory[:] = bytes(1000)
    MPI.Free_mem(memory)


@test
def addresses_add(world):
    data = bytearray(16)
    base = MPI.Get_address(data)
    equal(MPI.Aint_diff(MPI.Aint_add(base, 12), base), 12)
