# SPDX-License-Identifier: BSD-3-Clause
"""Errors come as exceptions with the class that the standard names, and leave the library usable."""
import numpy
from mpi4py import MPI

from .harness import equal, record, test


def error_class(call):
    try:
        call()
    except MPI.Exception as error:
        assert error.Get_error_string()
        return error.Get_error_class()
    raise AssertionError("no error")


@test
def bad_arguments_raise_their_class(world):
    data = numpy.zeros(4, dtype="i")
    equal(error_class(lambda: world.Send(data, world.size, 0)), MPI.ERR_RANK)
    equal(error_class(lambda: world.Send(data, -77, 0)), MPI.ERR_RANK)
    equal(error_class(lambda: world.Send(data, 0, -5)), MPI.ERR_TAG)
    equal(error_class(lambda: world.Recv(data, world.size, 0)), MPI.ERR_RANK)
    equal(error_class(lambda: world.Bcast(data, world.size)), MPI.ERR_ROOT)
    equal(error_class(lambda: MPI.COMM_NULL.Barrier()), MPI.ERR_COMM)
    equal(error_class(lambda: world.Get_group().Incl([world.size])), MPI.ERR_RANK)
    vector = MPI.INT.Create_vector(2, 1, 2)
    equal(error_class(lambda: world.Send([data, 1, vector], 0, 0)), MPI.ERR_TYPE)  # not committed


@test
def operations_must_fit_their_types(world):
    data = numpy.zeros(4, dtype="d")
    got = numpy.zeros(4, dtype="d")
    equal(error_class(lambda: world.Allreduce(data, got, MPI.BAND)), MPI.ERR_OP)


@test
def truncation_is_an_error_of_the_receive(world):
    out = numpy.arange(10, dtype="i")
    got = numpy.full(4, -1, dtype="i")
    request = world.Isend(out, world.rank, 3)
    equal(error_class(lambda: world.Recv(got, world.rank, 3)), MPI.ERR_TRUNCATE)
    request.Wait()
    world.Sendrecv(out, world.rank, 4, out.copy(), world.rank, 4)  # later messages are not harmed
    record("usable")


@test
def classes_and_codes_can_be_added(world):
    new_class = MPI.Add_error_class()
    code = MPI.Add_error_code(new_class)
    MPI.Add_error_string(code, "a test's own error")
    equal(MPI.Get_error_class(code), new_class)
    equal(MPI.Get_error_string(code), "a test's own error")
    world.Call_errhandler(MPI.ERR_OTHER)  # errors return: nothing happens


@test
def handlers_are_inherited(world):
    equal(world.Get_errhandler() == MPI.ERRORS_RETURN, True)
    comm = world.Dup()
    equal(comm.Get_errhandler() == MPI.ERRORS_RETURN, True)
    comm.Set_errhandler(MPI.ERRORS_ARE_FATAL)
    equal(comm.Get_errhandler() == MPI.ERRORS_ARE_FATAL, True)
    comm.Free()
