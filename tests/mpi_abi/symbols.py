#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks on the symbols of the MPI libraries.

  symbols.py exports LIBRARY LIST         LIST (lines "name [bytes]") is exactly what LIBRARY exports; MPI_* are weak
  symbols.py covers LIBRARY OTHER         LIBRARY has every MPI_*, PMPI_*, MPIX_* function of OTHER that C programs call
  symbols.py signatures OBJECTS...        each core function that an object defines has the parameters that the front calls
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

NM = shutil.which("gcc-nm") or "nm"  # reads what is compiled for link-time optimisation, too


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    """{name: (type letter, bytes)}"""
    out = {}
    for line in run("nm", "-D", "--defined-only", "-S", library).splitlines():
        fields = line.split()
        name = fields[-1]
        out[name] = (fields[-2], int(fields[1], 16) if len(fields) == 4 else 0)
    return out


def check_exports(library, listed):
    expected = {}
    for line in Path(listed).read_text().split("\n"):
        if line:
            name, *size = line.split()
            expected[name] = int(size[0]) if size else None
    have = exported(library)
    problems = [f"{n} is missing" for n in sorted(expected.keys() - have.keys())]
    problems += [f"{n} is exported and not in the table" for n in sorted(have.keys() - expected.keys())]
    for name in sorted(expected.keys() & have.keys()):
        letter, size = have[name]
        if expected[name] is not None and size != expected[name]:
            problems.append(f"{name} has {size} bytes, not {expected[name]}")
        if name.startswith("MPI") and expected[name] is None and letter != "W":
            problems.append(f"{name} is not weak ({letter})")
    print(f"{library}: {len(have)} symbols")
    return problems


# Fortran's spellings, which C programs do not call.
FORTRAN = re.compile(r"MPI_[A-Z0-9_]+$")


def check_covers(library, other):
    have = exported(library)
    names = [n for n, (letter, _) in exported(other).items()
             if re.match(r"P?MPIX?_", n) and letter in "TW" and not FORTRAN.match(n)]
    print(f"{other}: {len(names)} functions")
    return [f"{n} is missing" for n in sorted(names) if n not in have]


def check_signatures(objects):
    defined, wanted = {}, set()
    name = re.compile(r"tally::mpi::([A-Z]\w*)\(.*\)$")
    for path in objects:
        for line in run(NM, "-C", path).splitlines():
            letter, symbol = line[17:18], line[19:]
            match = name.match(symbol)
            if not match:
                continue
            if letter in "Tt":
                defined.setdefault(match.group(1), set()).add(symbol)
            elif letter == "w":
                wanted.add(symbol)
    called = {name.match(s).group(1): s for s in wanted}
    served = sorted(n for n in called if called[n] in defined.get(n, ()))
    print(f"{len(called)} functions of the core, {len(served)} defined; not: "
          + " ".join(sorted(set(called) - set(served))))
    if len(called) < 300:
        return ["the fronts were not among the objects"]
    return [f"{called[n]} is what the front calls, but the core has {', '.join(sorted(defined[n]))}"
            for n in sorted(called) if n in defined and called[n] not in defined[n]]


def main(arguments):
    match arguments:
        case ["exports", library, listed]:
            problems = check_exports(library, listed)
        case ["covers", library, other]:
            problems = check_covers(library, other)
        case ["signatures", *objects]:
            problems = check_signatures(objects)
        case _:
            sys.exit(__doc__)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
