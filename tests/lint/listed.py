#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check that the list of RTL files in tests/lint/CMakeLists.txt is that of a folder.

usage: listed.py FOLDER NAME.sv...
"""
import pathlib
import sys


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    present = {p.name for p in pathlib.Path(sys.argv[1]).rglob("*.sv")}
    listed = set(sys.argv[2:])
    for name in sorted(present - listed):
        print(f"{name} is in {sys.argv[1]} but not in tests/lint/CMakeLists.txt")
    for name in sorted(listed - present):
        print(f"{name} is in tests/lint/CMakeLists.txt but not in {sys.argv[1]}")
    return 0 if present == listed else 1


if __name__ == "__main__":
    sys.exit(main())
