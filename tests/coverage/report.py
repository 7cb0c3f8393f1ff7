#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Line coverage of the RTL by the tests.

    report.py FOLDER UNCOVERED [--least PERCENT]

FOLDER holds the counts that the tests of a TALLY_COVERAGE build wrote, UNCOVERED is the TOML file that names what no test
reaches, with the reason. Prints a table of all modules and every line that is neither reached nor named. Exits with 1 when a
module is below PERCENT, when an unreached line is not named, or when a named line was reached after all.
"""
import argparse
import pathlib
import re
import sys
import tomllib

FIELD = re.compile(rb"\x01([a-zA-Z]+)\x02([^\x01]*)")


def key_of(fields):
    """File name, line, number and kind of a point; None for what is no line."""
    if not fields.get(b"page", b"").startswith((b"v_line", b"v_branch")):
        return None
    return (pathlib.PurePath(fields[b"f"].decode()).name, int(fields[b"l"]),
            fields.get(b"n", b"").decode() + fields.get(b"o", b"").decode())


def read_counts(folder):
    """{(file name, line, number and kind of the point): count} over all files, of blocks and of both ways of each
    branch; a point of several instances counts once."""
    counts = {}
    keys = {}  # of a record's text: the same in all files
    for path in sorted(folder.glob("*.dat")):
        for record in path.read_bytes().splitlines():
            if not record.startswith(b"C '"):
                continue
            text, _, number = record[3:].rpartition(b"' ")
            if text not in keys:
                keys[text] = key_of(dict(FIELD.findall(text)))
            key = keys[text]
            if key is not None:
                counts[key] = counts.get(key, 0) + int(number)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("uncovered", type=pathlib.Path)
    parser.add_argument("--least", type=float, default=95.0)
    arguments = parser.parse_args()
    counts = read_counts(arguments.folder)
    if not counts:
        sys.exit(f"no counts in {arguments.folder}: run the tests of a TALLY_COVERAGE build with TALLY_COVERAGE_DIR set to it")
    rtl = pathlib.Path(__file__).resolve().parents[2] / "hw" / "rtl"
    named = tomllib.loads(arguments.uncovered.read_text())
    failed = False
    print(f"{'module':<24} {'points':>7} {'reached':>8} {'named':>6} {'percent':>8}")
    unreached = []
    total, total_reached = 0, 0
    # Models of tests may have tops of their own: only hw/rtl counts.
    for name in sorted({file for file, _, _ in counts if (rtl / file).exists()}):
        points = {(line, kind): count for (file, line, kind), count in counts.items() if file == name}
        missed = [(name, line, kind) for (line, kind), count in sorted(points.items()) if count == 0]
        reached = len(points) - len(missed)
        lines = (rtl / name).read_text().splitlines()
        known = sum(lines[line - 1].strip() in named.get(name, {}) for _, line, _ in missed)
        percent = 100.0 * reached / len(points)
        low = percent < arguments.least
        failed |= low
        print(f"{name:<24} {len(points):>7} {reached:>8} {known:>6} {percent:>7.1f}{' TOO LOW' if low else ''}")
        unreached += missed
        total += len(points)
        total_reached += reached
    print(f"{'all':<24} {total:>7} {total_reached:>8} {'':>6} {100.0 * total_reached / total:>7.1f}")
    # Lines are named by their text, so that they stay named when others come before them.
    used = set()
    for name, line, kind in unreached:
        text = (rtl / name).read_text().splitlines()[line - 1].strip()
        if text in named.get(name, {}):
            used.add((name, text))
        else:
            failed = True
            print(f"not reached and not named: {name}:{line} ({kind.lstrip('0123456789')}): {text}")
    for name, lines in named.items():
        for text in lines:
            if (name, text) not in used:
                failed = True
                print(f"named, but reached or gone: {name}: {text}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
