#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hold the simulated allreduce figures to what the design promises.

    figures.py TALLY      run the benchmark with the command TALLY and compare; exit 1 when a figure is missed

Simulated time does not depend on the machine, so these are no timings: a miss is a change of the device, of the
schedules or of the model.
"""
import json
import subprocess
import sys
import tempfile

# ranks, bytes, greatest ratio of the median latency to the bound, why
PROMISES = [
    (4, 8, 2.0, "latency: at most twice rounds x one way + doorbell + completion"),
    (4, 1 << 20, 1 / 0.7, "bandwidth: at least 70 % of the link bound 2(N-1)/N"),
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    missed = 0
    for ranks, size, limit, why in PROMISES:
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            subprocess.run([sys.argv[1], "bench", "allreduce", "--engine", "rtl", "--ranks", str(ranks), "--sizes",
                            str(size), "--repeats", "1", "--json", out.name], check=True, stdout=subprocess.DEVNULL)
            row = json.load(out)["rows"][0]
        ratio = row["ratio_to_bound"]
        cpu = row["cpu_matches"] + row["cpu_reduced_bytes"] + row["cpu_copied_bytes"]
        verdict = "ok" if ratio <= limit and cpu == 0 else "MISSED"
        missed += verdict != "ok"
        print(f"{verdict}: {ranks} ranks, {size} bytes: {ratio:.3f} of the bound (limit {limit:.3f}), CPU work {cpu}; {why}")
    return missed != 0


if __name__ == "__main__":
    sys.exit(main())
