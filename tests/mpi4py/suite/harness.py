# SPDX-License-Identifier: BSD-3-Clause
"""Registration of tests and what they record."""

values = []  # of the test that runs
_tests = []


def test(function):
    """Makes a function of the communicator of all ranks a test."""
    module = function.__module__.rsplit(".", 1)[-1]
    _tests.append((f"{module}.{function.__name__}", function))
    return function


def tests():
    return list(_tests)


def record(value):
    """Adds a value to the digest: it must not depend on the timing, nor on the library."""
    values.append(value.tolist() if hasattr(value, "tolist") else value)


def equal(got, wanted):
    """Checks and records."""
    got = got.tolist() if hasattr(got, "tolist") else got
    wanted = wanted.tolist() if hasattr(wanted, "tolist") else wanted
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"
    record(got)
