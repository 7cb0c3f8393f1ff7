#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that each test that docs/verification.md names exists in the sources of the tests.

Names are `Suite.name`, `Instance/Suite.*` and the like; a star stands for anything.
"""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASE = re.compile(r"\b(?:TYPED_TEST|TEST|TEST_F|TEST_P)\(\s*(\w+),\s*(\w+)\)")
ADDED = re.compile(r"add_test\(\s*NAME (\S+)")


def main():
    names = set()
    for path in (ROOT / "tests").rglob("*.cpp"):
        names |= {f"{suite}.{name}" for suite, name in CASE.findall(path.read_text())}
    for path in (ROOT / "tests").rglob("CMakeLists.txt"):
        names |= set(ADDED.findall(path.read_text()))
    plan = (ROOT / "docs" / "verification.md").read_text().split("## Test plan")[1].split("\n## ")[0]
    rows = [line for line in plan.splitlines() if line.startswith("| ")]
    wanted = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    # Instances are made by macros: what is before the slash of `Instance/Suite.name` is not looked for.
    missing = [name for name in sorted(wanted)
               if not fnmatch.filter(names, re.sub(r"^(\w+)/\*$", r"\1.*", re.sub(r"^\w+/(?=\w)", "", name)))]
    for name in missing:
        print(f"docs/verification.md names {name}, which no test has")
    if not wanted:
        print("docs/verification.md names no test")
    return bool(missing) or not wanted


if __name__ == "__main__":
    sys.exit(main())
