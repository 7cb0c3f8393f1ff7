#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Synthesise the engine with yosys for a Xilinx UltraScale+ part, module by module, and write docs/area.md.

usage: synth.py --sources A.sv... --cache DIR [--write | --check | --self-test] [--only MODULE,...]

--write      write the page (all modules)
--check      compare the page with the sources: rows, instances, bits before mapping and sums of all modules; all numbers of
             the modules that --only names (default: of all). Exit 1 and a line for each difference above 5 %.
--self-test  check that --check finds a lost row, a number that has drifted and a total that is not the sum

Modules are synthesised with the parameters that they have below tally_nic; what they instantiate is a black box. Netlists are
kept in DIR by a hash of what they depend on; at most two yosys run at once.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import pathlib
import subprocess
import sys
import time

import design
import netlist
import page

ROOT = pathlib.Path(__file__).resolve().parents[2]
RTL = ROOT / "hw" / "rtl"
PAGE = ROOT / "docs" / "area.md"
TOP = "tally_nic"
SECONDS = 1800  # bound of one yosys
# -run prepare: leaves out the removal of what is not below a single top: one run maps all variants of a module.
SYNTHESIS = "synth_xilinx -family xcup -uram -noiopad -noclkbuf -run prepare:"


class Engine:
    """The elaborated design, and its synthesis as far as asked for."""

    def __init__(self, sources: list[str], cache: pathlib.Path):
        cache.mkdir(parents=True, exist_ok=True)
        self.cache = cache
        version = subprocess.run(["yosys", "-V"], capture_output=True, text=True, check=True).stdout.strip()
        self.yosys = " ".join(version.split()[:2])
        self.variants = design.elaborate(RTL, sources, TOP, cache, self.yosys)
        self.counts = design.instances(self.variants, "\\" + TOP)
        self.groups = collections.defaultdict(list)
        for name in sorted(self.variants):
            self.groups[self.variants[name].module].append(name)
        for source in sources:
            self.groups.setdefault(pathlib.Path(source).stem, [])
        self.areas, self.graphs = {}, {}

    def digest(self, module: str) -> str:
        parts = [design.digest(self.variants[name], self.variants, self.yosys + SYNTHESIS)
                 for name in self.groups[module]]
        return design.join(parts)

    def netlist_of(self, module: str) -> pathlib.Path:
        """The mapped netlist of all variants of a module, made when it is not in the cache."""
        names = self.groups[module]
        out = self.cache / f"{module}.{self.digest(module)}.json"
        if out.exists():
            return out
        for old in self.cache.glob(f"{module}.*.json"):
            old.unlink()
        children = {child for name in names for child in self.variants[name].children} - set(names)
        source = self.cache / f"{module}.il"
        source.write_text("".join([design.stub(self.variants[child]) for child in sorted(children)]
                                  + [self.variants[name].text for name in names]))
        script = (f"read_verilog -lib -specify +/xilinx/cells_sim.v; read_verilog -lib +/xilinx/cells_xtra.v; "
                  f"read_rtlil {source}; {SYNTHESIS}; json -o {out}.part")
        start = time.monotonic()
        subprocess.run(["yosys", "-q", "-p", script], check=True, timeout=SECONDS)
        pathlib.Path(f"{out}.part").rename(out)
        print(f"{module}: {time.monotonic() - start:.0f} s", flush=True)
        return out

    def synthesise(self, modules: list[str]) -> None:
        # The long ones first, so that none runs alone at the end.
        order = sorted((m for m in modules if self.groups[m]),
                       key=lambda m: -sum(len(self.variants[name].text) for name in self.groups[m]))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for path in pool.map(self.netlist_of, order):
                for name, (area, graph) in netlist.read(path).items():
                    # RTLIL's name of a module without parameters begins with a backslash, that of its netlist does not.
                    rtlil = name if name.startswith("$") else "\\" + name
                    self.areas[rtlil], self.graphs[name] = area, graph

    def row(self, module: str) -> page.Row:
        """The line of a module; zero cells when it was not synthesised."""
        names = self.groups[module]
        row = page.Row(module, len(names), sum(self.counts[name] for name in names))
        for name in names:
            row.register_bits += self.counts[name] * self.variants[name].register_bits
            row.memory_bits += self.counts[name] * self.variants[name].memory_bits
            if name in self.areas:
                row.area.add(self.areas[name], self.counts[name])
                own = netlist.levels(name.removeprefix("\\"), self.graphs, False)
                row.luts_deep, row.cells_deep = max(row.luts_deep, own[0]), max(row.cells_deep, own[1])
        return row

    def whole_levels(self) -> dict[str, int]:
        """LUT levels of each module with all that is below it; needs all netlists. Kept by their hashes."""
        key = design.join([self.digest(module) for module in sorted(self.groups) if self.groups[module]])
        kept = self.cache / f"levels.{key}.json"
        if not kept.exists():
            deep = {}
            for module, names in self.groups.items():
                deep[module] = max([netlist.levels(name.removeprefix("\\"), self.graphs, True)[0] for name in names],
                                   default=0)
            kept.write_text(json.dumps(deep))
        return json.loads(kept.read_text())

    def below(self, module: str) -> netlist.Area:
        """All of a module's first variant with what is below it, once."""
        area = netlist.Area()
        for name, number in design.instances(self.variants, self.groups[module][0]).items():
            area.add(self.areas[name], number)
        return area


def write(engine: Engine) -> int:
    modules = sorted(engine.groups)
    engine.synthesise(modules)
    deep = engine.whole_levels()
    rows = [dataclasses.replace(engine.row(module), whole_deep=deep[module]) for module in modules]
    units = {module: engine.below(module) for module in modules
             if engine.groups[module] and any(engine.variants[name].children for name in engine.groups[module])}
    text = page.render(rows, units, engine.yosys, SYNTHESIS)
    PAGE.write_text(text)
    print(text)
    return 0


def check(engine: Engine, only: list[str] | None) -> int:
    modules = sorted(engine.groups)
    engine.synthesise(modules if only is None else only)
    deep = engine.whole_levels() if only is None else {}
    fresh = [engine.row(module) for module in modules]
    for row in fresh:
        row.whole_deep = deep.get(row.module, 0)
    found = page.differences(page.parse(PAGE.read_text()), fresh, set(modules if only is None else only),
                             whole=only is None)
    for line in found:
        print(f"{PAGE.relative_to(ROOT)}: {line}")
    if found:
        print("cmake --build --preset synth writes the page anew")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", nargs="+", default=[])
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--only", type=lambda text: text.split(","))
    action = parser.add_mutually_exclusive_group(required=True)
    for name in ("write", "check", "self-test"):
        action.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return page.self_test(PAGE.read_text())
    if not options.sources or not options.cache:
        parser.error("--sources and --cache are needed")
    engine = Engine(options.sources, options.cache.resolve())
    return write(engine) if options.write else check(engine, options.only)


if __name__ == "__main__":
    sys.exit(main())
