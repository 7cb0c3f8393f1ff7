# SPDX-License-Identifier: BSD-3-Clause
"""Reads the table of MPI's functions and constants (functions.toml, functions_openmpi.toml, constants.toml)."""
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ABIS = ("standard", "openmpi")

# kind -> (type in MPI_Name, type in MPI_Name_c, type in the core); [] after the name is written apart.
KINDS = {
    "COUNT": ("int", "MPI_Count", "MPI_Count"),
    "COUNT_OUT": ("int*", "MPI_Count*", "MPI_Count*"),
    "COUNT_INOUT": ("int*", "MPI_Count*", "MPI_Count*"),
    "COUNTS": ("const int[]", "const MPI_Count[]", "Counts"),
    "DISPLS": ("const int[]", "const MPI_Aint[]", "Counts"),
    "ADDRESSES": ("const MPI_Aint[]", "const MPI_Count[]", "Counts"),
    "BYTES": ("MPI_Aint", "MPI_Count", "MPI_Count"),
    "BYTES_OUT": ("MPI_Aint*", "MPI_Count*", "MPI_Count*"),
    "BYTES_INOUT": ("MPI_Aint*", "MPI_Count*", "MPI_Count*"),
    "UNIT": ("int", "MPI_Aint", "MPI_Aint"),
    "UNIT_OUT": ("int*", "MPI_Aint*", "MPI_Aint*"),
    "FORM": (None, None, "bool"),
}
# Whose error handler is called.
HOLDERS = ("MPI_Comm", "MPI_Win", "MPI_File", "MPI_Session")


@dataclass(frozen=True)
class Argument:
    type: str    # a kind, or as in C without []
    name: str
    array: str   # "", "[]" or "[][3]"

    @property
    def kind(self):
        return self.type if self.type in KINDS else None

    def c_type(self, large):
        """Its type in MPI_Name or MPI_Name_c, as (before the name, behind it); None: it has no such argument."""
        if not self.kind:
            return self.type, self.array
        text = KINDS[self.kind][1 if large else 0]
        if text is None:
            return None
        return (text[:-2], "[]") if text.endswith("[]") else (text, "")


@dataclass(frozen=True)
class Function:
    base: str            # Send
    prefix: str          # MPI_ or MPIX_
    chapter: str
    arguments: tuple
    result: str
    value: bool          # the result is a value, not an error code
    core: str            # name in the core
    variadic: bool
    has_large: bool      # MPI_Name_c exists
    abi: str             # the only ABI that has it, or ""
    any_time: bool       # may be called before MPI_Init and after MPI_Finalize

    @property
    def holder(self):
        for argument in self.arguments:
            if argument.array or argument.type.removesuffix("*") not in HOLDERS:
                continue
            # What a function makes is no handle before.
            if argument.type.endswith("*") and not self.base.endswith(("_free", "_disconnect", "_finalize")):
                continue
            return argument
        return None

    def name(self, large):
        return self.prefix + self.base + ("_c" if large else "")

    def forms(self):
        return (False, True) if self.has_large else (False,)

    def parameters(self, large):
        """C parameter list."""
        out = []
        for argument in self.arguments:
            c_type = argument.c_type(large)
            if c_type:
                out.append(f"{c_type[0]} {argument.name}{c_type[1]}")
        if self.variadic:
            out.append("...")
        return ", ".join(out)

    def core_parameters(self):
        return ", ".join(
            f"{KINDS[a.kind][2] if a.kind else a.type} {a.name}{'' if a.kind else a.array}" for a in self.arguments)


def _function(key, text, chapter, abi, any_time):
    core = None
    result, value = "int", False
    if "=>" in text:
        text, core = (part.strip() for part in text.split("=>"))
    if "->" in text:
        text, result = (part.strip() for part in text.split("->"))
        value = True
    prefix, base = ("MPIX_", key[5:]) if key.startswith("MPIX_") else ("MPI_", key)
    arguments = []
    variadic = False
    for part in filter(None, (p.strip() for p in text.split(","))):
        if part == "...":
            variadic = True
            continue
        match = re.fullmatch(r"(.+?) (\w+)((?:\[\d*\])*)", part)
        if not match:
            raise ValueError(f"{key}: argument '{part}'")
        arguments.append(Argument(*match.groups()))
    forms = any(a.kind and a.kind != "FORM" for a in arguments) and not abi
    return Function(base, prefix, chapter, tuple(arguments), result, value, core or base, variadic, forms, abi,
                    any_time(base, chapter))


def functions(folder):
    """All functions, in the order of the table."""
    out = []
    rules = {}
    for file, abi in (("functions.toml", ""), ("functions_openmpi.toml", "openmpi")):
        table = tomllib.loads((Path(folder) / file).read_text())
        rules = table.pop("rules", rules)

        def any_time(base, chapter, rules=rules):
            return chapter in rules["any_time_chapters"] or base in rules["any_time"]

        for chapter, entries in table.items():
            out += [_function(key, text, chapter, abi, any_time) for key, text in entries.items()]
    names = [f.name(large) for f in out for large in f.forms()]
    if len(names) != len(set(names)):
        raise ValueError("a function is in the table twice")
    return out


@dataclass(frozen=True)
class Constant:
    name: str
    section: str         # integers.error_classes, handles.comm, pointers
    values: tuple        # one for each ABI: int, str (symbol) or None
    ours: tuple          # one for each ABI: not part of the ABI, only the core has it
    type: str = "int"
    named: str = ""      # a datatype's name in named.hpp
    fortran: int = -1    # a handle's integer in Open MPI's Fortran; -1: none

    @property
    def kind(self):
        return self.section.removeprefix("handles.") if self.section.startswith("handles.") else None


def _constant(name, section, pair, **more):
    values = [v["ours"] if isinstance(v, dict) else None if v == "none" else v for v in pair]
    return Constant(name, section, tuple(values), tuple(isinstance(v, dict) for v in pair), **more)


HANDLE_TYPES = {k: "MPI_" + k.capitalize() for k in (
    "op", "comm", "group", "win", "file", "session", "message", "info", "errhandler", "request", "datatype")}


def constants(folder):
    """(all constants, aliases as {name: (name, ABIs)}, bytes of the data symbols by kind)."""
    table = tomllib.loads((Path(folder) / "constants.toml").read_text())
    out = []
    for section, entries in table["integers"].items():
        out += [_constant(n, f"integers.{section}", v) for n, v in entries.items()]
    for kind, entries in table["handles"].items():
        out += [_constant(n, f"handles.{kind}", v[:2], type=HANDLE_TYPES[kind], named=v[2] if len(v) > 2 else "",
                          fortran=table["fortran"].get(n, -1))
                for n, v in entries.items()]
    out += [_constant(n, "pointers", v[1:], type=v[0]) for n, v in table["pointers"].items()]
    return out, table["aliases"], table["symbol_bytes"]


def openmpi_cxx_symbols(folder):
    """{name: bytes, or 0 for a function}"""
    return tomllib.loads((Path(folder) / "constants.toml").read_text())["openmpi_cxx"]
