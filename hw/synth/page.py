# SPDX-License-Identifier: BSD-3-Clause
"""docs/area.md: written, read back and compared."""
import copy
import dataclasses
import re

import netlist

TOLERANCE = 0.05
SLACK = 4  # cells or bits that a small number may differ by
LEVEL_SLACK = 1
# Half of an Alveo U50 (data sheet DS965): LUTs, flip-flops, DSPs, RAMB36, URAM288.
U50 = {"LUT": 872_000, "FF": 1_743_000, "DSP": 5_952, "BRAM36": 1_344, "URAM288": 640}


@dataclasses.dataclass
class Row:
    module: str
    variants: int = 0
    instances: int = 0
    area: netlist.Area = dataclasses.field(default_factory=netlist.Area)  # of all instances, own cells
    luts_deep: int = 0      # LUT levels of its own cells, the deepest variant
    cells_deep: int = 0     # the same with carry and multiplexer cells
    whole_deep: int = 0     # LUT levels with all that is below it
    register_bits: int = 0  # of all instances, before mapping
    memory_bits: int = 0

    def numbers(self) -> dict[str, float]:
        return {"variants": self.variants, "instances": self.instances, "LUT": self.area.luts,
                "LUT RAM": self.area.lut_rams, "FF": self.area.ffs, "DSP": self.area.dsps,
                "BRAM36": self.area.bram_halves / 2, "URAM288": self.area.urams, "levels": self.luts_deep,
                "with carry": self.cells_deep, "with children": self.whole_deep,
                "register bits": self.register_bits, "memory bits": self.memory_bits}


COLUMNS = list(Row("").numbers())
EXACT = {"variants", "instances"}
ELABORATED = {"variants", "instances", "register bits", "memory bits"}  # known without synthesis
SUMS = [name for name in COLUMNS if name not in ("levels", "with carry", "with children")]


def line(name: str, numbers: dict[str, float]) -> str:
    cells = [f"{numbers[column]:g}" if column == "BRAM36" else f"{int(numbers[column])}" for column in numbers]
    return "| " + " | ".join([name, *cells]) + " |"


def table(columns: list[str]) -> list[str]:
    return ["| module | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]


def total(rows: list[Row]) -> dict[str, float]:
    return {column: sum(row.numbers()[column] for row in rows) if column in SUMS
            else max(row.numbers()[column] for row in rows) for column in COLUMNS}


def render(rows: list[Row], units: dict[str, netlist.Area], yosys: str, command: str) -> str:
    whole = total(rows)
    budget, fits = [], True
    for kind, all_of_it in U50.items():
        half = all_of_it / 2
        fits = fits and whole[kind] <= half
        budget.append(f"| {kind} | {whole[kind]:g} | {half:g} | {100 * whole[kind] / half:.1f} % |")
    parts = [line(module, {"LUT": a.luts, "LUT RAM": a.lut_rams, "FF": a.ffs, "DSP": a.dsps,
                           "BRAM36": a.bram_halves / 2, "URAM288": a.urams})
             for module, a in sorted(units.items(), key=lambda item: -item[1].luts)]
    text = INTRODUCTION.format(yosys=yosys, command=command, verdict="fits" if fits else "does **not** fit")
    return "\n".join([text.strip(), "", "| | engine | half of a U50 | used |", "| --- | ---: | ---: | ---: |", *budget, "",
                      UNITS.strip(), "", *table(["LUT", "LUT RAM", "FF", "DSP", "BRAM36", "URAM288"]), *parts, "",
                      MODULES.strip(), "", *table(COLUMNS), *[line(row.module, row.numbers()) for row in rows],
                      line("total", whole), ""])


def parse(text: str) -> dict[str, dict[str, float]]:
    """The lines of the table of modules, total included."""
    lines = text.split("## Modules\n")[-1].splitlines()
    rows = {}
    for row in lines:
        if match := re.fullmatch(r"\| (tally_\w+|total) \| (.*) \|", row):
            rows[match[1]] = dict(zip(COLUMNS, map(float, match[2].split(" | ")), strict=True))
    return rows


def drifted(column: str, old: float, new: float) -> bool:
    slack = SLACK if column in SUMS else LEVEL_SLACK
    return abs(old - new) > max(TOLERANCE * max(old, new), slack)


def differences(old: dict[str, dict[str, float]], fresh: list[Row], synthesised: set[str], whole: bool) -> list[str]:
    """What a page gets wrong: all numbers of the modules that were synthesised, those before mapping of all. Levels with
    children only when the whole engine was synthesised."""
    found = [f"{name} is no module of the engine" for name in old if name not in {row.module for row in fresh} | {"total"}]
    for row in fresh:
        if row.module not in old:
            found.append(f"{row.module} is missing")
            continue
        for column, new in row.numbers().items():
            if column not in ELABORATED and row.module not in synthesised or column == "with children" and not whole:
                continue
            before = old[row.module][column]
            if before != new if column in EXACT else drifted(column, before, new):
                found.append(f"{row.module}, {column}: {before:g} on the page, {new:g} now")
    if "total" not in old:
        return found + ["the total is missing"]
    for column in SUMS:
        written = sum(numbers[column] for name, numbers in old.items() if name != "total")
        if written != old["total"][column]:
            found.append(f"total, {column}: {old['total'][column]:g} is not the sum of the lines, {written:g}")
    return found


def self_test(text: str) -> int:
    """The page against itself is right; damaged it is not."""
    good = parse(text)
    fresh = []
    for name, numbers in good.items():
        if name != "total":
            area = netlist.Area(int(numbers["LUT"]), int(numbers["LUT RAM"]), int(numbers["FF"]), int(numbers["DSP"]),
                                int(2 * numbers["BRAM36"]), int(numbers["URAM288"]))
            fresh.append(Row(name, int(numbers["variants"]), int(numbers["instances"]), area,
                             *(int(numbers[column]) for column in COLUMNS[8:])))
    everything = {row.module for row in fresh}
    largest = max(fresh, key=lambda row: row.area.luts).module
    bad = []

    def expect(name: str, wanted: bool, page: dict, synthesised: set[str]) -> None:
        if bool(differences(page, fresh, synthesised, True)) != wanted:
            bad.append(name)

    def damaged(module: str, column: str, factor: float) -> dict:
        page = copy.deepcopy(good)
        page[module][column] = round(page[module][column] * factor)
        page["total"] = {c: sum(n[c] for m, n in page.items() if m != "total") for c in COLUMNS}
        return page

    expect("the page itself", False, good, everything)
    expect("a lost line", True, {name: numbers for name, numbers in good.items() if name != largest}, set())
    expect("an unknown line", True, good | {"tally_other": good[largest]}, set())
    expect("LUTs drifted by a tenth", True, damaged(largest, "LUT", 1.1), everything)
    expect("LUTs drifted by a hundredth", False, damaged(largest, "LUT", 1.01), everything)
    expect("register bits drifted by a tenth", True, damaged(largest, "register bits", 1.1), set())
    wrong = copy.deepcopy(good)
    wrong["total"]["LUT"] += 1
    expect("a total that is not the sum", True, wrong, set())
    for name in bad:
        print(f"wrong answer for {name}")
    return 1 if bad or not fresh else 0


INTRODUCTION = """
# Area and logic depth
Written by `cmake --preset synth && cmake --build --preset synth` or `./bootstrap synth` (hw/synth/synth.py); do not edit.
Tests: `synth.page_is_fresh` (every run: a few modules, and of all modules what is known before mapping),
`synth.page_is_fresh_whole` (nightly: all).

{yosys}, `{command}`, of tally_nic with its default parameters. Each module is mapped alone, its children as black boxes,
with the parameters that it has in the engine; the engine is the sum over all instances. So nothing is optimised across
modules, and the numbers are an upper bound in that respect. It is synthesis only: no placement, no routing, no timing.

The engine {verdict} in half of an Alveo U50:
"""

UNITS = """
A LUT is one of any size, an inverter included (yosys packs no two into one LUT6_2); LUT RAMs are among the LUTs. What stands
outside of the engine on a card (PCIe and Ethernet cores, DMA bridge) is not in here.

## Units
Modules that have others below them, once each, with all that is below.
"""

MODULES = """
*Levels*: most LUTs on a path between registers, memories that read with the clock, DSPs and the module's ports, through its
own cells, of its deepest variant; *with carry*: most cells on a path, carry (CARRY4, four bits each) and wide multiplexer
cells included, which is what `ltp -noff` of yosys counts; *with children*: LUT levels through all that is below, without optimisation across modules.
*Register bits* and *memory bits* are those of the source, before mapping. Cells and bits are of all instances together;
a *variant* is one set of parameters.

## Modules
"""
