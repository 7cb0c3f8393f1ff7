#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Line and toggle coverage of the RTL by the tests.

    report.py FOLDER UNCOVERED [--rtl FOLDER] [--lines PERCENT] [--toggles PERCENT] [--write DOCUMENT]

FOLDER holds the counts that the tests of a TALLY_COVERAGE build wrote, UNCOVERED is the TOML file that names what no test
reaches, with the reason. Prints a table of all modules, every line that is neither reached nor named, and the signals with
bits that neither toggle nor are named. With --write the table also replaces the one of DOCUMENT.

Exits with 1 when of a module fewer than PERCENT of the lines are reached or fewer than PERCENT of the bits toggle or are
named (UNCOVERED may have another limit for a module), when an unreached line is not named, and when what is named was reached
after all.
"""
import argparse
import pathlib
import sys
import tomllib

import counts
import named

ROOT = pathlib.Path(__file__).resolve().parents[2]
TITLES = ("module", "lines", "reached", "percent", "toggles", "toggled", "named", "percent")


class Module:
    def __init__(self, source, points, names):
        self.name = source.stem if source.suffix == ".sv" else source.name
        texts = [text.strip() for text in source.read_text().splitlines()]
        lines = {point: ok for point, ok in points.items() if isinstance(point, counts.Line)}
        toggles = {point: ok for point, ok in points.items() if isinstance(point, counts.Toggle)}
        missed = sorted(point for point, ok in lines.items() if not ok)
        still = sorted(point for point, ok in toggles.items() if not ok)
        self.open_lines = [(point, texts[point.line - 1]) for point in missed
                           if not names.line(point.file, texts[point.line - 1])]
        self.open_toggles = [point for point in still if not names.toggle(point)]
        self.lines, self.reached = len(lines), len(lines) - len(missed)
        self.toggles, self.toggled = len(toggles), len(toggles) - len(still)
        self.named = len(still) - len(self.open_toggles)


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, modules):
    lines, reached, toggles, toggled, known = (
        sum(getattr(module, field) for module in modules) for field in ("lines", "reached", "toggles", "toggled", "named"))
    return (name, str(lines), str(reached), f"{percent(reached, lines):.1f}",
            str(toggles), str(toggled), str(known), f"{percent(toggled, toggles):.1f}")


def grouped(toggles):
    """`name[high:low]` of the bits of each signal, by runs of adjacent ones."""
    runs = []
    for point in toggles:
        last = runs[-1] if runs else None
        if last and last[0] == (point.line, point.signal) and last[2] + 1 == point.bit:
            last[2] = point.bit
        else:
            runs.append([(point.line, point.signal), point.bit, point.bit])
    return [f"{signal}" if low < 0 else f"{signal}[{low}]" if low == high else f"{signal}[{high}:{low}]"
            for (_, signal), low, high in runs]


def replace_table(document, rows):
    """The table under the heading of the coverage."""
    before, heading, after = document.read_text().partition("\n## Coverage\n")
    lines = after.split("\n")
    first = next(at for at, line in enumerate(lines) if line.startswith("| module |"))
    end = next(at for at in range(first, len(lines)) if not lines[at].startswith("|"))
    lines[first:end] = rows
    document.write_text(before + heading + "\n".join(lines))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("uncovered", type=pathlib.Path)
    parser.add_argument("--rtl", type=pathlib.Path, default=ROOT / "hw" / "rtl")
    parser.add_argument("--lines", type=float, default=95.0)
    parser.add_argument("--toggles", type=float, default=95.0)
    parser.add_argument("--write", type=pathlib.Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    reached = counts.read(sorted(options.folder.glob("*.dat")))
    if not reached:
        print(f"no counts in {options.folder}: run the tests of a TALLY_COVERAGE build with TALLY_COVERAGE_DIR set to it")
        return 1
    names = named.Named(tomllib.loads(options.uncovered.read_text()))
    points = {}
    for point, ok in reached.items():
        points.setdefault(point.file, {})[point] = ok
    # Models of tests may have tops of their own: only hw/rtl counts.
    modules = [Module(options.rtl / file, points[file], names)
               for file in sorted(points) if (options.rtl / file).exists()]

    rows = [row(module.name, [module]) for module in modules] + [row("all", modules)]
    widths = [max(len(fields[column]) for fields in [TITLES, *rows]) for column in range(len(TITLES))]
    for fields in [TITLES, *rows]:
        print(fields[0].ljust(widths[0]), *(field.rjust(width) for field, width in zip(fields[1:], widths[1:])))
    faults = []
    for module in modules:
        faults += [f"not reached and not named: {point.file}:{point.line} ({point.kind.lstrip('0123456789')}): {text}"
                   for point, text in module.open_lines]
        if module.open_toggles:
            print(f"{module.name}: {len(module.open_toggles)} of {module.toggles} bits neither toggle nor are named: "
                  + ", ".join(grouped(module.open_toggles)))
        if percent(module.reached, module.lines) < options.lines:
            faults.append(f"{module.name}: fewer than {options.lines:g} % of the lines are reached")
        limit = names.limit(module.name, options.toggles)
        if percent(module.toggled + module.named, module.toggles) < limit:
            faults.append(f"{module.name}: fewer than {limit:g} % of the bits toggle or are named")
    faults += [f"named, but reached or gone: {what}" for what in names.unused()]
    print(*faults, sep="\n")
    if options.write:
        table = ["| " + " | ".join(fields) + " |" for fields in [TITLES, ("---",) * len(TITLES), *rows]]
        replace_table(options.write, table)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
