#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check that each module of the engine is simulated as a netlist, and that docs/verification.md says by which test.

usage: netlists.py LIST [--write]

LIST is written by CMake: a line `module NAME` for each module of the engine, `netlist TARGET=MODULE,...` for each netlist,
`test NAME=DEPENDENCY,...` for each test of netlists and `nightly NAME=MODULE,...` for those that only the nightly
build has.
--write puts the table into the page instead.
"""
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "verification.md"
HEAD = "| module | netlist in |\n| --- | --- |\n"


def covered(lines: list[str]) -> dict[str, set[str]]:
    """Tests by module."""
    of_kind = {"module": [], "netlist": [], "test": [], "nightly": []}
    for line in lines:
        kind, rest = line.split(" ", 1)
        of_kind[kind].append(rest)
    pairs = {kind: [(left, right.split(",")) for left, right in (rest.split("=") for rest in of_kind[kind])]
             for kind in ("netlist", "test", "nightly")}
    netlists = dict(pairs["netlist"])
    tests = {module: set() for module in of_kind["module"]}
    nightly = {name for name, _ in pairs["nightly"]}
    for name, deps in pairs["test"]:
        if name in nightly:
            continue  # named below, in either build
        for module in [module for dep in deps for module in netlists.get(dep, [])]:
            tests.setdefault(module, set()).add(name)
    for name, modules in pairs["nightly"]:
        for module in modules:
            tests.setdefault(module, set()).add(f"{name} (nightly)")
    return {module: tests[module] for module in of_kind["module"]}


def table(tests: dict[str, set[str]]) -> str:
    return HEAD + "".join(f"| {module} | {', '.join(sorted(tests[module]))} |\n" for module in sorted(tests))


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    tests = covered(pathlib.Path(sys.argv[1]).read_text().splitlines())
    bad = [f"{module} is in no netlist that a test simulates" for module, names in tests.items() if not names]
    page = PAGE.read_text()
    if HEAD not in page:
        bad.append(f"{PAGE.name} has no table of netlists")
    else:
        old = re.search(re.escape(HEAD) + r"(?:\|.*\n)*", page)[0]
        new = table(tests)
        if sys.argv[2:] == ["--write"]:
            PAGE.write_text(page.replace(old, new))
        else:
            gone = [f"{PAGE.name} lacks: {line}" for line in new.splitlines() if line not in old.splitlines()]
            bad += gone + [f"{PAGE.name} is wrong: {line}" for line in old.splitlines() if line not in new.splitlines()]
    for line in bad:
        print(line)
    if not tests:
        print("no module at all")
    return 1 if bad or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
