#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Wall time of Tally's soft engine, by its own API and by MPI, beside Open MPI and MPICH, of the same loops (bench/mpi_compare).

    compare.py BUILD [--only latency,bcast/4,...] [--without mpich] [--rounds N] [--batch-us T] [--batches N] [--json FILE]

BUILD is a build directory whose target mpi_compare has been built. The libraries take turns, N rounds of all of them, and
the best batch of all rounds counts: others may use the machine. All figures are wall-clock microseconds an operation; a
ratio is the time of Tally's API over the shortest time of another MPI, and `mpi` that of Tally's MPI. A library that is not there is left out, which is said first.
Exit code 1 when a program fails or Tally misses what FIGURES asks, 0 otherwise.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

SIZES = "8,64,512,1024,4096,16384,65536,262144,1048576,4194304"
STREAM = "1024,2048,4096,8192,16384,32768,65536,131072,262144,524288,1048576,2097152,4194304"
COLLECTIVES = ["allreduce", "bcast", "allgather", "alltoall"]
OTHERS = ["reduce", "reduce_scatter", "scan", "gather", "scatter"]

# kind, ranks, sizes, greatest ratio to the best MPI, what it is
FIGURES = [
    ("latency", 2, "8", 0.8, "half a round trip"),
    ("latency", 2, "64,1024", None, "half a round trip"),
    ("rate", 2, "8", 1 / 1.5, "a message, window of 64"),
    ("bandwidth", 2, STREAM, 1.0, "a message, window of 64"),
    ("unexpected", 2, "0,10000", None, "half a round trip with so many unexpected messages in the queue"),
    ("posted", 2, "0,10000", None, "half a round trip with so many posted receives in the queue"),
]
for n in (2, 4, 8):
    FIGURES.append(("barrier", n, "0", 1.0, "a barrier"))
    FIGURES += [(kind, n, SIZES, 1.0, f"a {kind}; bytes of a vector or block") for kind in COLLECTIVES]
    FIGURES += [(kind, n, SIZES, None, f"a {kind}; bytes of a vector or block") for kind in OTHERS]

OURS = ("tally", "tally_mpi")  # its own API, and MPI over it

LATENCY_TO_BARE = 2.0   # a message of 8 bytes, of the bare cache line
DEEP_TO_EMPTY = 1.5     # behind 10000 others, of an empty queue


def command(library, build, ranks, arguments):
    program = os.path.join(build, "bin", f"mpi_compare_{library}")
    if library in OURS:
        start = [os.path.join(build, "bin", "tally"), "run", "-n", str(ranks), "--engine", "soft", "--"]
    elif library == "openmpi":
        start = ["mpirun.openmpi", "--oversubscribe", "-n", str(ranks)]
        if os.geteuid() == 0:
            start.insert(1, "--allow-run-as-root")
    else:
        start = ["mpiexec.mpich", "-n", str(ranks)]
    return start + [program, *arguments]


def libraries(build, without):
    """Those that are there and wanted, and Tally first."""
    found = []
    for name, starter in (("tally", None), ("tally_mpi", None), ("openmpi", "mpirun.openmpi"), ("mpich", "mpiexec.mpich")):
        if name in without:
            print(f"SKIPPING {name}: --without {name}", flush=True)
            continue
        there = os.path.exists(os.path.join(build, "bin", f"mpi_compare_{name}"))
        if there and (starter is None or shutil.which(starter)):
            found.append(name)
        else:
            print(f"SKIPPING {name}: {'no ' + starter if there else 'not built'}: its columns are missing and nothing is "
                  "compared with it", flush=True)
    return found


def run(arguments, timeout):
    """The lines LIBRARY KIND SIZE BEST MEDIAN of a program, or None when it fails or takes too long."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        return None
    rows = [line.split() for line in done.stdout.splitlines()]
    return {int(r[2]): (float(r[3]), float(r[4])) for r in rows if len(r) == 5}


def measure(names, build, kind, ranks, sizes, options):
    """{library: {size: [best, median]}}, the least of all rounds each; {} of a library that failed."""
    batch = str(options.batch_us * (1 if ranks == 2 else 5))
    result = {name: {} for name in names}
    for _ in range(options.rounds):
        for name in names:
            rows = run(command(name, build, ranks, [kind, sizes, batch, str(options.batches)]), options.timeout)
            if rows is None:
                print(f"{name} {kind} with {ranks} ranks failed or took more than {options.timeout} s", flush=True)
                continue
            for size, (best, median) in rows.items():
                old = result[name].get(size, [best, median])
                result[name][size] = [min(old[0], best), min(old[1], median)]
    return result


def table(kind, ranks, what, result, limit):
    """Prints it; returns the sizes at which the limit is missed."""
    names = list(result)
    print(f"\n{kind}, {ranks} ranks: wall time of {what}, us; best and median batch")
    head = f"{'size':>9}" + "".join(f"{n + ' best':>15}{'median':>11}" for n in names)
    print(head + f"{'ratio':>8}" + (f"{'mpi':>8}" if "tally_mpi" in result else "") + (f"  (at most {limit:.2f})" if limit else ""))
    missed = []
    for size in sorted(result["tally"]):
        line = f"{size:>9}"
        for name in names:
            best, median = result[name].get(size, (float("nan"), float("nan")))
            line += f"{best:>15.3f}{median:>11.3f}"
        others = [result[n][size][0] for n in names if n not in OURS and size in result[n]]
        if others:
            ratio = result["tally"][size][0] / min(others)
            line += f"{ratio:>8.2f}"
            if size in result.get("tally_mpi", {}):
                line += f"{result['tally_mpi'][size][0] / min(others):>8.2f}"
            if limit and ratio > limit:
                line += "  MISSED"
                missed.append(size)
        print(line, flush=True)
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--only", default="", help="kinds, or kind/ranks, with commas")
    parser.add_argument("--without", action="append", default=[], choices=["tally_mpi", "openmpi", "mpich"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-us", type=float, default=300)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--timeout", type=float, default=60, help="of one program, seconds")
    parser.add_argument("--json")
    options = parser.parse_args()
    names = libraries(options.build, options.without)
    if "tally" not in names:
        sys.exit("compare.py: build the target mpi_compare first")
    only = [o for o in options.only.split(",") if o]
    report, failures = [], []
    for kind, ranks, sizes, limit, what in FIGURES:
        if only and kind not in only and f"{kind}/{ranks}" not in only:
            continue
        result = measure(names, options.build, kind, ranks, sizes, options)
        if not result["tally"]:
            failures.append(f"{kind}/{ranks}: no result")
            continue
        missed = table(kind, ranks, what, result, limit)
        failures += [f"{kind}/{ranks} at {size}" for size in missed]
        entry = {"kind": kind, "ranks": ranks, "limit": limit, "wall_us_best_median": result}
        tally = result["tally"]
        if kind == "latency" and 8 in tally:
            bare = [run([os.path.join(options.build, "bin", "mpi_compare_bare"), str(options.batch_us),
                         str(options.batches)], options.timeout) for _ in range(options.rounds)]
            best = min(b[0][0] for b in bare if b)
            ratio = tally[8][0] / best
            print(f"bare cache line to and fro: {best:.3f} us half a round trip; 8 bytes take {ratio:.2f} times that "
                  f"(at most {LATENCY_TO_BARE:.2f}){'  MISSED' if ratio > LATENCY_TO_BARE else ''}")
            if ratio > LATENCY_TO_BARE:
                failures.append("latency to the bare cache line")
            entry["bare_us"] = best
        if kind in ("unexpected", "posted"):
            for name in names:
                if len(result[name]) != 2:
                    continue
                ratio = result[name][10000][0] / result[name][0][0]
                bad = name == "tally" and ratio > DEEP_TO_EMPTY
                print(f"{name}: behind 10000 {ratio:.2f} times an empty queue{'  MISSED' if bad else ''}")
                if bad:
                    failures.append(f"{kind}, behind 10000")
        report.append(entry)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=2)
    print()
    for failure in failures:
        print("MISSED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
