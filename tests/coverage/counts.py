# SPDX-License-Identifier: BSD-3-Clause
"""Reads the counts that Verilated models write, one file a model, and joins them by source.

A point of a line is a block, or one way of a branch: reached when any model got there. A point of a toggle is a bit of a
signal: reached when it rose and fell in one run of a model, for which it changed at least twice (these models start with all
signals at 0, so the first change of a bit that is then constant is one). A point of several instances counts once.
"""
import pathlib
import re
from typing import NamedTuple

FIELD = re.compile(rb"\x01([a-zA-Z]+)\x02([^\x01]*)")
# A signal of a record, `name[bit]`; the bit of a scalar is left out.
BIT = re.compile(r"(.*)\[(\d+)\]$")


class Line(NamedTuple):
    file: str
    line: int
    kind: str  # number and kind of the point, to tell those of one line apart


class Toggle(NamedTuple):
    file: str
    line: int
    signal: str
    bit: int  # -1 for a scalar


def point_of(fields):
    """The point that a record is of; None for other kinds of coverage."""
    page = fields.get(b"page", b"")
    file, line = pathlib.PurePath(fields[b"f"].decode()).name, int(fields[b"l"])
    comment = fields.get(b"o", b"").decode()
    if page.startswith((b"v_line", b"v_branch")):
        return Line(file, line, fields.get(b"n", b"").decode() + comment)
    if page.startswith(b"v_toggle"):
        match = BIT.fullmatch(comment)
        return Toggle(file, line, match[1], int(match[2])) if match else Toggle(file, line, comment, -1)
    return None


def read(paths):
    """{point: reached} over all files."""
    reached = {}
    known = {}  # point of a record's text, which is the same in all files of a model; None once it is reached
    for path in paths:
        for record in path.read_bytes().splitlines():
            if not record.startswith(b"C '"):
                continue
            text, _, number = record.rpartition(b"' ")
            if text not in known:
                known[text] = point_of(dict(FIELD.findall(text)))
                if known[text] is not None:
                    reached.setdefault(known[text], False)
            point = known[text]
            if point is not None and int(number) >= (2 if isinstance(point, Toggle) else 1):
                reached[point] = True
                known[text] = None
    return reached
