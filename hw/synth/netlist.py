# SPDX-License-Identifier: BSD-3-Clause
"""What yosys mapped a module to: cells by kind, and the levels of logic between registers.

Levels. The graph has an arc from each input of a combinational cell to each output that depends on it. A path begins and ends
at a register, a memory that reads with the clock, a DSP or a port of the top. *LUT levels* are the most LUTs (LUT RAMs read
without a clock and inverters included) on a path; *cells* counts carry and wide multiplexer cells too, which is what
`ltp -noff` of yosys counts.
"""
import collections
import dataclasses
import json
import pathlib
import re

# LUTs of a memory made of LUTs (UltraScale+ CLB user guide, UG574, table of the distributed RAM primitives).
LUT_RAMS = {"RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8, "RAM32X1D": 2, "RAM64X1D": 2,
            "RAM128X1D": 4, "RAM256X1D": 8, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8,
            "RAM32X16DR8": 8, "RAM64X8SW": 8,
            "SRL16E": 1, "SRLC32E": 1}
LUTS = {"LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV"}
FLIP_FLOPS = {"FDRE", "FDSE", "FDCE", "FDPE"}
WIDE = {"MUXF7", "MUXF8", "MUXF9"}
CARRY = {"CARRY4", "CARRY8"}
# Halves of a RAMB36.
BLOCK_RAMS = {"RAMB18E2": 1, "RAMB36E2": 2}
ULTRA_RAMS = {"URAM288", "URAM288_BASE"}
DSPS = {"DSP48E2"}
REG_PARAMETERS = ("AREG", "BREG", "MREG", "PREG")


@dataclasses.dataclass
class Area:
    luts: int = 0        # all, those of LUT RAMs included
    lut_rams: int = 0    # LUTs used as memory
    ffs: int = 0
    dsps: int = 0
    bram_halves: int = 0  # RAMB18
    urams: int = 0

    def add(self, other: "Area", times: int = 1) -> None:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + times * getattr(other, field.name))


@dataclasses.dataclass
class Graph:
    """Arcs [output, LUTs, inputs...] of a module's own cells and its instances [variant, {port: bits}], over its bits."""
    ports: dict
    arcs: list
    instances: list


def bits(values: list) -> list[int]:
    """The nets; constants are strings."""
    return [bit for bit in values if not isinstance(bit, str)]


def cell_arcs(kind: str, pins: dict[str, list]) -> list[list]:
    arcs = []
    if kind in LUTS or kind in WIDE:
        inputs = [bit for pin, nets in pins.items() if pin != "O" for bit in bits(nets)]
        arcs.append([pins["O"][0], int(kind in LUTS), *inputs])
    elif kind in CARRY:
        start = [bit for pin in ("CI", "CYINIT", "CI_TOP") for bit in bits(pins.get(pin, []))]
        for pin in ("O", "CO"):
            for i, out in enumerate(pins.get(pin, [])):
                arcs.append([out, 0, *start, *bits(pins["S"][:i + 1]), *bits(pins["DI"][:i + (pin == "CO")])])
    elif kind in LUT_RAMS:
        for pin, nets in pins.items():
            if match := re.fullmatch(r"DO(.)", pin):
                address = bits(pins["ADDR" + match[1]])
            elif pin == "DPO":
                address = [bit for name, value in pins.items() if name.startswith("DPRA") for bit in bits(value)]
            elif pin in ("SPO", "O", "Q", "Q31"):
                address = [bit for name, value in pins.items() if re.fullmatch(r"A\d*", name) for bit in bits(value)]
                address = [] if pin == "Q31" else address
            else:
                continue
            arcs += [[out, 1, *address] for out in bits(nets)]
    return arcs


def read(path: pathlib.Path) -> dict[str, tuple[Area, Graph]]:
    """Area and graph of each module of a netlist written by `json`; a cell that is neither known nor a module of the
    design (name with tally_) is an error."""
    found = {}
    for name, module in json.loads(path.read_text())["modules"].items():
        area = Area()
        graph = Graph({port: [value["direction"], value["bits"]] for port, value in module["ports"].items()}, [], [])
        for cell in module["cells"].values():
            kind, pins = cell["type"], cell["connections"]
            area.luts += (kind in LUTS) + LUT_RAMS.get(kind, 0)
            area.lut_rams += LUT_RAMS.get(kind, 0)
            area.ffs += kind in FLIP_FLOPS
            area.dsps += kind in DSPS
            area.bram_halves += BLOCK_RAMS.get(kind, 0)
            area.urams += kind in ULTRA_RAMS
            if "tally_" in kind:
                graph.instances.append([kind, pins])
            elif kind in LUTS or kind in WIDE or kind in CARRY or kind in LUT_RAMS:
                graph.arcs += [arc for arc in cell_arcs(kind, pins) if not isinstance(arc[0], str)]
            elif kind not in FLIP_FLOPS and kind not in DSPS and kind not in BLOCK_RAMS and kind not in ULTRA_RAMS:
                raise ValueError(f"{name}: cell {kind} has no rule (a latch?)")
        found[name] = (area, graph)
    return found


def flatten(name: str, graphs: dict[str, Graph], children: bool) -> dict[int, tuple]:
    """Arcs by output of a module, with or without what is below it. Bits of each instance get numbers of their own; its ports
    are arcs without a LUT or a cell (-1)."""
    arcs = {}
    free = 0

    def place(kind: str) -> dict[str, list]:
        nonlocal free
        graph, base = graphs[kind], free
        top = max([0] + [bit for _, nets in graph.ports.values() for bit in bits(nets)]
                  + [max(arc[:1] + arc[2:]) for arc in graph.arcs]
                  + [bit for _, pins in graph.instances for nets in pins.values() for bit in bits(nets)])
        free += top + 1
        for arc in graph.arcs:
            arcs[base + arc[0]] = (arc[1], [base + bit for bit in arc[2:]])
        for child, pins in graph.instances if children else []:
            inner = place(child)
            for port, (direction, nets) in graphs[child].ports.items():
                for inside, outside in zip(inner[port], pins.get(port, [])):
                    if direction == "input" and not isinstance(outside, str):
                        arcs[inside] = (-1, [base + outside])
                    elif direction == "output" and not isinstance(outside, str) and inside is not None:
                        arcs[base + outside] = (-1, [inside])
        return {port: [None if isinstance(bit, str) else base + bit for bit in nets]
                for port, (_, nets) in graph.ports.items()}

    place(name)
    return arcs


def levels(name: str, graphs: dict[str, Graph], children: bool) -> tuple[int, int]:
    """Most LUTs, and most cells, on a path; a loop is an error."""
    arcs = flatten(name, graphs, children)
    users = collections.defaultdict(list)
    waiting = {}
    for out, (_, inputs) in arcs.items():
        driven = [bit for bit in inputs if bit in arcs]
        waiting[out] = len(driven)
        for bit in driven:
            users[bit].append(out)
    ready = [out for out, number in waiting.items() if number == 0]
    luts, cells = {}, {}
    done = 0
    while ready:
        out = ready.pop()
        done += 1
        kind, inputs = arcs[out]
        luts[out] = max([luts[bit] for bit in inputs if bit in luts], default=0) + (kind == 1)
        cells[out] = max([cells[bit] for bit in inputs if bit in cells], default=0) + (kind != -1)
        for user in users[out]:
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if done != len(arcs):
        raise ValueError(f"{name}: {len(arcs) - done} bits are in or behind a combinational loop")
    return max(luts.values(), default=0), max(cells.values(), default=0)
