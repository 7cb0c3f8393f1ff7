#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the suite on the ranks of an MPI job.

    run.py [MODULE.]NAME...    the tests whose name begins so; without an argument all of them

Each test checks its results on every rank against plain Python, and records values that do not depend on the timing or on
the MPI library. Rank 0 prints one line a test: its name, "ok" and a digest of what all ranks recorded, so that the output
under two libraries can be compared (compare.py). Exit code 1 when a test failed on any rank.
"""
import hashlib
import os
import sys
import traceback

from mpi4py import MPI

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from suite import harness  # noqa: E402
from suite import communicators, collectives, environment, errors, messages, requests, topologies, types  # noqa: E402,F401


def main():
    world = MPI.COMM_WORLD
    wanted = sys.argv[1:]
    failed = 0
    for name, test in harness.tests():
        if wanted and not any(name.startswith(w) for w in wanted):
            continue
        harness.values.clear()
        report = None
        try:
            test(world)
        except Exception:
            report = traceback.format_exc()
        outcomes = world.gather((report, repr(harness.values)))
        if world.rank != 0:
            continue
        bad = [(rank, text) for rank, (text, _) in enumerate(outcomes) if text is not None]
        if bad:
            failed += 1
            print(f"{name}: FAILED on {len(bad)} of {world.size} ranks, first on rank {bad[0][0]}:\n{bad[0][1]}", flush=True)
        else:
            digest = hashlib.sha256("\n".join(values for _, values in outcomes).encode()).hexdigest()[:16]
            print(f"{name}: ok {digest}", flush=True)
    failed = world.bcast(failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
