#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""compare.py COMPILER LAUNCHER TALLY PROGRAM RANKS SOURCE...

The sections of mpi_objects print digests of what MPI calls have given. This compiles the same source for another MPI library and
compares what it prints with what PROGRAM prints under `tally run`. Exit code 77: that library is not here."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Open MPI refuses to run as root, and to start more processes than there are processors.
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}


# Not "many", which takes minutes on MPICH with more processes than processors; nor "sessions", which came with MPI 4.
SECTIONS = ["environment", "errors", "groups", "communicators", "intercommunicators", "attributes", "infos", "cartesian",
            "graphs", "datatypes", "operations", "type_details", "operation_details"]


def output(command, environment):
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    compiler, launcher, tally, program, ranks, *sources = sys.argv[1:]
    if shutil.which(compiler) is None or shutil.which(launcher) is None:
        print(f"SKIPPED: {compiler} or {launcher} is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "mpi_objects"
        subprocess.run([compiler, "-std=c++17", "-O1", "-o", other, *sources], check=True)
        # MPICH 4.0 ends with an illegal instruction where external32 meets absolute addresses.
        sections = [name for name in SECTIONS if name != "type_details" or "mpich" not in compiler]
        theirs = output([launcher, "-n", ranks, other, *sections], ENVIRONMENT)
    ours = output([tally, "run", "-n", ranks, "--", program, *sections], None)
    if theirs != ours:
        sys.exit(f"there:\n{theirs}here:\n{ours}")


main()
