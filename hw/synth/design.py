# SPDX-License-Identifier: BSD-3-Clause
"""The elaborated engine: its modules as yosys writes them (RTLIL), who instantiates whom, and how often.

A *variant* is a module with one set of parameters; yosys names it `$paramod...\\module...`. Names are kept as in RTLIL.
"""
import collections
import dataclasses
import hashlib
import pathlib
import re
import subprocess

REGISTER = re.compile(r"^\$(?:s|a|al)?dffs?r?(?:e|ce)?$")


@dataclasses.dataclass
class Variant:
    name: str
    text: str                   # RTLIL of the module, without what stands before it
    children: collections.Counter  # instances by variant
    register_bits: int          # of all registers, before optimisation
    memory_bits: int            # of all arrays, before optimisation

    @property
    def module(self) -> str:
        return base(self.name)


def base(name: str) -> str:
    """Name of the module of a variant: `$paramod$<hash>\\m`, `$paramod\\m\\P=1` and `\\m` are all of m."""
    return name.split("\\")[1]


def strip(text: str) -> str:
    """Source without comments and repeated blanks: what may change the circuit."""
    return re.sub(r"\s+", " ", re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.S))


def elaborate(rtl: pathlib.Path, sources: list[str], top: str, cache: pathlib.Path, salt: str) -> dict[str, Variant]:
    """All variants below top by name; the RTLIL stays in the cache. Instances are kept, also those without outputs."""
    script = (f"read_verilog -sv -defer -I. tally_pkg.sv {' '.join(sources)}; hierarchy -check -top {top}; proc; "
              f"setattr -set keep 1 t:*tally_*; opt_clean")
    state = hashlib.sha256((salt + script).encode())
    for file in [rtl / "tally_pkg.sv", *[rtl / source for source in sources], *sorted(rtl.glob("*.svh"))]:
        state.update(strip(file.read_text()).encode())
    out = cache / f"elaborated.{state.hexdigest()[:24]}.il"
    if not out.exists():
        for old in cache.glob("elaborated.*.il"):
            old.unlink()
        subprocess.run(["yosys", "-q", "-p", f"{script}; write_rtlil {out}.part"], cwd=rtl, check=True)
        pathlib.Path(f"{out}.part").rename(out)
    return parse(out.read_text())


def parse(text: str) -> dict[str, Variant]:
    bodies = {}
    for match in re.finditer(r"^module (\S+)\n.*?^end\n", text, flags=re.S | re.M):
        bodies[match[1]] = match[0]
    variants = {}
    for name, body in bodies.items():
        cells = collections.Counter(re.findall(r"^  cell (\S+) \S+$", body, flags=re.M))
        registers = 0
        for kind, cell in re.findall(r"^  cell (\S+) \S+\n(.*?)^  end$", body, flags=re.S | re.M):
            if REGISTER.match(kind):
                registers += int(re.search(r"parameter \\WIDTH (\d+)", cell)[1])
        bits = 0
        for line in re.findall(r"^  memory (.*)$", body, flags=re.M):
            width = re.search(r"width (\d+)", line)
            bits += (int(width[1]) if width else 1) * int(re.search(r"size (\d+)", line)[1])
        children = collections.Counter({kind: n for kind, n in cells.items() if kind in bodies})
        variants[name] = Variant(name, body, children, registers, bits)
    return variants


def stub(variant: Variant) -> str:
    """The variant as a black box: its ports alone."""
    ports = re.findall(r"^  wire (?:.* )?(?:input|output|inout) .*$", variant.text, flags=re.M)
    return "\n".join(["attribute \\blackbox 1", f"module {variant.name}", *ports, "end", ""])


def instances(variants: dict[str, Variant], top: str) -> collections.Counter:
    """How many instances of each variant there are below top, top included."""
    counts = collections.Counter()

    def walk(name: str, times: int) -> None:
        counts[name] += times
        for child, number in variants[name].children.items():
            walk(child, times * number)

    walk(top, 1)
    return counts


def plain(text: str) -> str:
    """RTLIL without what tells where it comes from: attributes of source, line numbers and yosys's running numbers in names."""
    return re.sub(r"(:\d+\.\d+-\d+\.\d+|:\d+)?\$\d+", "$", re.sub(r"^ *attribute \\src .*\n", "", text, flags=re.M))


def digest(variant: Variant, variants: dict[str, Variant], salt: str) -> str:
    """Hash of all that the variant's own netlist depends on: what it was elaborated to, and its children's ports."""
    state = hashlib.sha256((salt + variant.name + repr(sorted(variant.children.items()))).encode())
    for text in [variant.text, *(stub(variants[child]) for child in sorted(variant.children))]:
        state.update(plain(text).encode())
    return state.hexdigest()[:24]


def join(digests: list[str]) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:24]
