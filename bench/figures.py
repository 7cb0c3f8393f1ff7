#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hold the simulated figures to what the design promises.

    figures.py TALLY           run the benchmarks with the command TALLY and compare; exit 1 when a figure is missed
    figures.py TALLY --quick   without those that simulate for minutes

Simulated time does not depend on the machine, so these are no timings: a miss is a change of the device, of the
schedules or of the model.
"""
import json
import subprocess
import sys
import tempfile

# ranks, bytes, algorithm, allreduces at once, greatest ratio of the median latency to the bound, why.
# Left out of a quick run: what moves more than 4 MiB between all ranks, and losses.
PROMISES = [
    (8, 8, "recursive_doubling", 1, 1.3, "latency: log2(N) steps within 1.3 times rounds x one way + doorbell + completion"),
    (8, 8, "auto", 1, 1.3, "latency: what is chosen is no slower"),
    (8, 1 << 12, "auto", 1, 1.5, "latency: two rounds of all with all; the input comes with the doorbell"),
    (8, 1 << 20, "auto", 1, 1 / 0.95, "bandwidth: 95 % of the link bound 2(N-1)/N"),
    (4, 1 << 20, "auto", 1, 1 / 0.95, "bandwidth: 95 % of the link bound 2(N-1)/N"),
    (8, 1 << 17, "auto", 8, 1.2, "concurrency: eight at once within 1.2 times what their bytes need on the link"),
]


# bytes, loss, figure of `tally bench messages`, least value, why
MESSAGES = [
    (8, 0, "messages_per_second", 30e6, "rate: 30 million eager messages of 8 bytes a second through one device"),
    (1 << 20, 0, "ratio_to_link", 0.97, "bandwidth: 97 % of what the link carries after headers"),
    (1 << 16, 0.01, "ratio_to_first_loss", 0.8, "loss: 1 % on every link costs at most 20 % of the bandwidth"),
]


def bench(tally, *arguments):
    """The JSON report of `tally bench` with these arguments."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([tally, "bench", *arguments, "--json", out.name], check=True, stdout=subprocess.DEVNULL)
        return json.load(out)


def main():
    quick = sys.argv[2:] == ["--quick"]
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--quick"]):
        sys.exit(__doc__)
    tally = sys.argv[1]
    missed = 0

    def judge(good, text):
        nonlocal missed
        missed += not good
        print(f"{'ok' if good else 'MISSED'}: {text}")

    for ranks, size, algorithm, concurrent, limit, why in PROMISES:
        if quick and ranks * size * concurrent > 4 << 20:
            print(f"left out: {ranks} ranks, {concurrent} x {size} bytes")
            continue
        row = bench(tally, "allreduce", "--engine", "rtl", "--ranks", str(ranks), "--sizes", str(size), "--repeats", "1",
                    "--algorithm", algorithm, "--concurrent", str(concurrent))["rows"][0]
        cpu = row["cpu_matches"] + row["cpu_reduced_bytes"] + row["cpu_copied_bytes"]
        judge(row["ratio_to_bound"] <= limit and cpu == 0,
              f"{ranks} ranks, {concurrent} x {size} bytes, {row['algorithm']}: {row['ratio_to_bound']:.3f} of the bound (limit {limit:.3f}), CPU work {cpu}; {why}")

    scope = ["--sizes", "8,1M", "--loss", "0"] if quick else ["--sizes", "8,64K,1M", "--loss", "0,0.01"]
    rows = bench(tally, "messages", *scope)["rows"]
    for size, loss, figure, least, why in MESSAGES:
        if quick and loss > 0:
            print(f"left out: {size} bytes, loss {loss}")
            continue
        row = next(r for r in rows if r["bytes"] == size and r["loss"] == loss)
        first = next(r for r in rows if r["bytes"] == size and r["loss"] == 0)
        row["ratio_to_first_loss"] = row["payload_gbps"] / first["payload_gbps"]
        judge(row[figure] >= least and row["cpu_work"] == 0,
              f"{size} bytes, loss {loss}: {figure} {row[figure]:.4g} (least {least:.4g}), CPU work {row['cpu_work']}; {why}")
    return missed != 0


if __name__ == "__main__":
    sys.exit(main())
