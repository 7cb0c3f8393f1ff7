#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the suite under Tally and under another MPI, and compares what they print.

    compare.py --ranks N --tally TALLY --engine ENGINE [--peer "mpirun ..."] -- PYTHON [TEST...]

Exit code 1 when either fails or a line differs.
"""
import argparse
import os
import shlex
import subprocess
import sys


def lines(command, environment=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--tally", required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--peer", help="command that starts --ranks processes under the other MPI")
    parser.add_argument("program", nargs="+", help="the interpreter, then tests")
    arguments = parser.parse_args()
    run = [arguments.program[0], os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py"), *arguments.program[1:]]
    ours = lines([arguments.tally, "run", "-n", str(arguments.ranks), "--engine", arguments.engine, "--", *run])
    print("\n".join(ours))
    if not ours:
        sys.exit("no test was run")
    if arguments.peer:
        theirs = lines([*shlex.split(arguments.peer), *run],
                       {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
        if ours != theirs:
            differ = [f"  Tally: {a}\n  other: {b}" for a, b in zip(ours, theirs) if a != b]
            sys.exit("\n".join(["the other MPI prints something else:", *differ, f"{len(ours)} and {len(theirs)} lines"]))
        print(f"the same {len(ours)} lines under: {arguments.peer}")


if __name__ == "__main__":
    main()
