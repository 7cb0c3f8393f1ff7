#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a section of mpi_coll under Tally and under another MPI library; both must print the same line.

    compare.py openmpi|mpich PROGRAM MPIEXEC TALLY TALLY_PROGRAM RANKS SECTION

The line has a digest of all that the section's ranks received, and the number of checks."""
import os
import subprocess
import sys


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=280,
                          env={**os.environ, "TALLY_TEST_COMMON": "1"})
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main():
    library, program, mpiexec, tally, tally_program, ranks, section = sys.argv[1:]
    other = [mpiexec, "-n", ranks]
    if library == "openmpi":
        other += ["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"]
        if os.geteuid() == 0:
            other.append("--allow-run-as-root")
    theirs = run(other + [program, section])
    ours = run([tally, "run", "-n", ranks, "--engine", "soft", "--", tally_program, section])
    print(f"{library}: {theirs}\ntally:   {ours}")
    if ours != theirs or not ours.startswith(section + " "):
        sys.exit("the lines differ")


if __name__ == "__main__":
    main()
