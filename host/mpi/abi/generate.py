#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what is made of the table of MPI's functions and constants.

  generate.py header standard|openmpi FILE     mpi.h of the ABI
  generate.py functions FILE                   declarations of the core (core/functions.hpp)
  generate.py predefined FILE                  the predefined handles, as lines of a macro (core/predefined.inc)
  generate.py symbols FILE                     Open MPI's data symbols, as lines of a macro
  generate.py front standard|openmpi N OF FILE part N of OF of MPI_* and PMPI_*
  generate.py counters TALLY_H FILE            the counters of tally.h, as lines of a macro
  generate.py exports standard|openmpi FILE    every symbol of the library, one a line
  generate.py redeclare FILE                   all prototypes behind another implementation's mpi.h (tests)
  generate.py values FILE                      constants that Open MPI's header has, as lines of a macro (tests)
  generate.py --check ROOT                     are the committed files (below ROOT = host/mpi) up to date?
"""
import re
import sys
from pathlib import Path

import table

HERE = Path(__file__).resolve().parent
LICENCE = "// SPDX-License-Identifier: BSD-3-Clause\n"
GENERATED = "// Generated from host/mpi/abi by generate.py: do not edit.\n// clang-format off\n"
# In Open MPI's ABI a predefined handle is the address of a symbol of this type.
SYMBOL_TYPES = {
    "op": "ompi_predefined_op_t", "comm": "ompi_predefined_communicator_t", "group": "ompi_predefined_group_t",
    "win": "ompi_predefined_win_t", "file": "ompi_predefined_file_t", "session": "tally_predefined_session_t",
    "message": "ompi_predefined_message_t", "info": "ompi_predefined_info_t",
    "errhandler": "ompi_predefined_errhandler_t", "request": "ompi_predefined_request_t",
    "datatype": "ompi_predefined_datatype_t",
}


# They read what no other thread may change meanwhile.
LOCAL = {"Comm_rank", "Comm_size", "Comm_remote_size", "Comm_test_inter", "Group_rank", "Group_size", "Type_size",
         "Type_get_extent", "Type_get_true_extent", "Get_count", "Get_elements", "Status_set_elements", "Query_thread",
         "Is_thread_main"}


def constant_lines(abi):
    index = table.ABIS.index(abi)
    constants, aliases, _ = table.constants(HERE)
    out = []
    section = None
    for c in constants:
        value = c.values[index]
        if value is None:
            continue
        if c.section != section:
            section = c.section
            out.append("")
        if c.type == "int":
            text = str(value) if value >= 0 else f"({value})"
        elif isinstance(value, str):
            text = value if c.section == "pointers" else f"TALLY_MPI_ADDRESS_({c.type}, {value})"
        elif c.type == "MPI_Offset":
            text = f"((MPI_Offset)({value}))"
        else:
            text = f"TALLY_MPI_CAST_({c.type}, {hex(value) if c.kind else value})"
        out.append(f"#define {c.name} {text}")
    out.append("")
    out += [f"#define {n} {of}" for n, (of, abis) in aliases.items() if abi in abis]
    return "\n".join(out) + "\n"


def symbol_lines():
    """Declarations of Open MPI's data symbols and attribute functions."""
    constants, _, _ = table.constants(HERE)
    out = []
    for c in constants:
        symbol = c.values[1]
        if isinstance(symbol, str) and c.kind:
            out.append(f"extern struct {SYMBOL_TYPES[c.kind]} {symbol};")
        elif isinstance(symbol, str):
            out.append(f"{c.type.removesuffix('*')} {symbol};")
    return "\n".join(out) + "\n"


def exists(function, abi):
    return not function.abi or function.abi == abi


def prototype_lines(abi):
    out = []
    for prefix in ("", "P"):
        for f in table.functions(HERE):
            if exists(f, abi):
                out += [f"{f.result} {prefix}{f.name(large)}({f.parameters(large) or 'void'});" for large in f.forms()]
        out.append("")
    return "\n".join(out)


def header(abi):
    text = (HERE / f"mpi_{abi}.h.in").read_text()
    return (text.replace("@CALLBACKS@", (HERE / "callbacks.h.in").read_text())
            .replace("@SYMBOLS@\n", symbol_lines())
            .replace("@CONSTANTS@\n", constant_lines(abi))
            .replace("@FUNCTIONS@\n", prototype_lines(abi)))


def core_functions():
    """[(declaration's guard, function)] once a core function."""
    functions = table.functions(HERE)
    return [f for f in functions if f.core == f.base]


def functions_header():
    out = [LICENCE, GENERATED, """// The functions of the core: MPI_Name and MPI_Name_c call tally::mpi::Name.
//
// They throw Error. A function whose MPI name returns an error code returns nothing. Counts are MPI_Count; arrays of counts and
// displacements are Counts. Arguments are as the program gave them: the core checks them.
#pragma once

#include "mpi_api.h"

#include "core/counts.hpp"

// The front declares them weak: a function that the core does not have is told as unsupported.
#ifndef TALLY_MPI_CORE_FUNCTION
#define TALLY_MPI_CORE_FUNCTION
#endif

namespace tally::mpi {
"""]
    chapter = None
    for f in core_functions():
        if f.chapter != chapter:
            if chapter and chapter_abi:
                out.append("#endif\n")
            chapter, chapter_abi = f.chapter, f.abi
            out.append(f"\n// {chapter.replace('_', ' ')}\n")
            if chapter_abi:
                out.append("#ifdef TALLY_MPI_OPENMPI\n")
        out.append(f"TALLY_MPI_CORE_FUNCTION {f.result if f.value else 'void'} {f.base}({f.core_parameters()});\n")
    out.append(("#endif\n" if chapter_abi else "") + "\n}  // namespace tally::mpi\n")
    return "".join(out)


def predefined():
    constants, _, _ = table.constants(HERE)
    out = [LICENCE, GENERATED, """// TALLY_MPI_PREDEFINED(kind, NAME): the predefined handles of this ABI but for datatypes.
// TALLY_MPI_DATATYPE(NAME, named): those of datatypes but for MPI_DATATYPE_NULL, with their name in datatype/named.hpp.
// Define those that you need before you include this; they are undefined at the end.
#ifndef TALLY_MPI_PREDEFINED
#define TALLY_MPI_PREDEFINED(kind, name)
#endif
#ifndef TALLY_MPI_DATATYPE
#define TALLY_MPI_DATATYPE(name, named)
#endif
"""]
    for c in constants:
        if not c.kind:
            continue
        line = f"TALLY_MPI_DATATYPE({c.name}, {c.named})\n" if c.named else f"TALLY_MPI_PREDEFINED({c.kind}, {c.name})\n"
        if c.values[0] is None:
            line = f"#ifdef TALLY_MPI_OPENMPI\n{line}#endif\n"
        out.append(line)
    out.append("#undef TALLY_MPI_PREDEFINED\n#undef TALLY_MPI_DATATYPE\n")
    return "".join(out)


def symbols():
    """The data symbols of Open MPI's ABI: types first, then the symbols, each once."""
    constants, _, sizes = table.constants(HERE)
    out = [LICENCE, GENERATED, """// TALLY_MPI_SYMBOL_TYPE(type, bytes): types of the data symbols that are predefined handles. TALLY_MPI_SYMBOL(type, name): the
// symbols.
// TALLY_MPI_FORTRAN(kind, NAME, integer): handles in Fortran. Define those that you need before you include this; they are undefined at the end.
#ifndef TALLY_MPI_SYMBOL_TYPE
#define TALLY_MPI_SYMBOL_TYPE(type, bytes)
#endif
#ifndef TALLY_MPI_SYMBOL
#define TALLY_MPI_SYMBOL(type, name)
#endif
#ifndef TALLY_MPI_FORTRAN
#define TALLY_MPI_FORTRAN(kind, name, integer)
#endif
"""]
    out += [f"TALLY_MPI_SYMBOL_TYPE({t}, {sizes[kind]})\n" for kind, t in SYMBOL_TYPES.items()]
    out += [f"TALLY_MPI_SYMBOL({SYMBOL_TYPES[c.kind]}, {c.values[1]})\n" for c in constants if c.kind]
    out += [f"TALLY_MPI_FORTRAN({c.kind}, {c.name}, {c.fortran})\n" for c in constants if c.fortran >= 0]
    out.append("#undef TALLY_MPI_SYMBOL_TYPE\n#undef TALLY_MPI_SYMBOL\n#undef TALLY_MPI_FORTRAN\n")
    return "".join(out)


def core_argument(argument, large):
    """(lines before the call, argument of the call, lines behind it)."""
    name = argument.name
    kind = argument.kind
    if not kind:
        return [], name, []
    if kind == "FORM":
        return [], "true" if large else "false", []
    if kind in ("COUNTS", "DISPLS", "ADDRESSES"):
        wide = large or kind == "ADDRESSES"
        return [], f"Counts({name}, {'true' if wide else 'false'})", []
    if not kind.endswith(("_OUT", "_INOUT")):
        return [], name, []
    c_type = argument.c_type(large)[0].removesuffix("*")
    core_type = table.KINDS[kind][2].removesuffix("*")
    if c_type == core_type:
        return [], name, []
    inout = "true" if kind.endswith("_INOUT") else "false"
    return [f"Converted<{c_type}, {core_type}, {inout}> {name}_(\"{name}\", {name});"], f"{name}_.core()", [f"{name}_.store();"]


def front_function(f, large):
    arguments = [core_argument(a, large) for a in f.arguments]
    before = [line for a in arguments for line in a[0]]
    behind = [line for a in arguments for line in a[2]]
    name = f.name(large)
    call = f"tally::mpi::{f.core}({', '.join(a[1] for a in arguments)})"
    head = f"{f.result} P{name}({f.parameters(large) or 'void'})"
    if f.variadic:
        head = head.replace("...", "...")
    if f.value:
        body = f"  if (tally::mpi::{f.core} == nullptr) unserved_value(\"{name}\");\n  return {call};\n"
    else:
        holder = f.holder
        where = "Holder()"
        if holder is not None:
            pointer = holder.type.endswith("*")
            where = f"Holder({holder.name})" if not pointer else f"Holder::at({holder.name})"
        if f.core == "Session_init":  # there is no session yet
            where = "Holder(errhandler)"
        if f.chapter == "io":  # also of MPI_File_open, whose communicator has no part in it
            where = "Holder::files()"
        when = ("tool_call" if f.chapter == "tool" else "any_time_call" if f.any_time
                else "local_call" if f.core in LOCAL else "call")
        body = (f"  if (tally::mpi::{f.core} == nullptr) return unserved{'_tool' if f.chapter == 'tool' else ''}(\"{name}\", {where});\n"
                f"  return {when}(\"{name}\", {where}, [&] {{\n"
                + "".join(f"    {line}\n" for line in before) + f"    {call};\n"
                + "".join(f"    {line}\n" for line in behind) + "  });\n")
    return f"{head} {{\n{body}}}\nTALLY_MPI_ALIAS({f.result}, {name}, ({f.parameters(large) or 'void'}))\n\n"


def front(abi, part, parts):
    functions = [f for f in table.functions(HERE) if exists(f, abi)]
    size = -(-len(functions) // parts)
    out = [LICENCE, GENERATED, """#include "front/front.hpp"

using namespace tally::mpi::front;
using tally::mpi::Counts;

extern "C" {
"""]
    for f in functions[part * size:(part + 1) * size]:
        out += [front_function(f, large) for large in f.forms()]
    out.append("}  // extern \"C\"\n")
    return "".join(out)


def counters(tally_h):
    """Each field of tally_counters with the comment behind it, or else its name, as description."""
    text = Path(tally_h).read_text()
    body = re.search(r"typedef struct tally_counters \{(.*?)\n\} tally_counters;", text, re.S).group(1)
    out = [LICENCE, GENERATED]
    for match in re.finditer(r"uint64_t (\w+);(?:[ \t]*/\*(.*?)\*/)?", body, re.S):
        name, comment = match.groups()
        comment = " ".join((comment or name.replace("_", " ")).split()).replace('"', "'")
        out.append(f'TALLY_COUNTER({name}, "{comment}")\n')
    out.append("#undef TALLY_COUNTER\n")
    return "".join(out)


def exports(abi):
    out = []
    for f in table.functions(HERE):
        if exists(f, abi):
            out += [p + f.name(large) for large in f.forms() for p in ("", "P")]
    if abi == "openmpi":
        constants, _, sizes = table.constants(HERE)
        for c in constants:
            if isinstance(c.values[1], str) and not c.ours[1]:
                out.append(c.values[1] + (f" {sizes[c.kind]}" if c.kind else ""))
        out += [name + (f" {size}" if size else "") for name, size in table.openmpi_cxx_symbols(HERE).items()]
    return "\n".join(out) + "\n"


def redeclare():
    """A C file in which a compiler compares the prototypes with those of the mpi.h that it is given."""
    out = ["""/* Generated from host/mpi/abi by generate.py. */
#include <mpi.h>
/* What the peer does not have yet. */
#ifdef PEER_OPENMPI
typedef struct later_session* MPI_Session;
typedef struct later_event_registration* MPI_T_event_registration;
typedef struct later_event_instance* MPI_T_event_instance;
typedef int MPI_T_cb_safety;
typedef int MPI_T_source_order;
typedef void(MPI_Session_errhandler_function)(MPI_Session*, int*, ...);
typedef void(MPI_User_function_c)(void*, void*, MPI_Count*, MPI_Datatype*);
typedef int(MPI_Datarep_conversion_function_c)(void*, MPI_Datatype, MPI_Count, void*, MPI_Offset, void*);
typedef MPI_Comm_copy_attr_function MPI_Copy_function;
typedef MPI_Comm_delete_attr_function MPI_Delete_function;
typedef void(MPI_T_event_cb_function)(MPI_T_event_instance, MPI_T_event_registration, MPI_T_cb_safety, void*);
typedef void(MPI_T_event_free_cb_function)(MPI_T_event_registration, MPI_T_cb_safety, void*);
typedef void(MPI_T_event_dropped_cb_function)(MPI_Count, MPI_T_event_registration, int, MPI_T_cb_safety, void*);
#undef MPI_Aint_add
#undef MPI_Aint_diff
#undef PMPI_Aint_add
#undef PMPI_Aint_diff
#endif
"""]
    for f in table.functions(HERE):
        # Partitioned communication had other types before MPI-4.1, which MPICH 4.0 still has.
        if f.abi or f.chapter == "partitioned":
            continue
        out += [f"{f.result} {p}{f.name(large)}({f.parameters(large) or 'void'});\n" for large in f.forms() for p in ("", "P")]
    return "".join(out)


def values():
    constants, aliases, _ = table.constants(HERE)
    # Not in the header as it is configured: types of Fortran that the machine's compiler lacks, and what MPI-3 removed.
    absent = ("MPI_INTEGER16", "MPI_REAL2", "MPI_LB", "MPI_UB", "MPI_NULL_COPY_FN", "MPI_DUP_FN", "MPI_NULL_DELETE_FN")
    out = []
    for c in constants:
        if c.values[1] is not None and not c.ours[1] and c.name not in absent:
            out.append(f"{'INTEGER' if c.type in ('int', 'MPI_Offset') else 'ADDRESS'}({c.name})\n")
    out += [f"ADDRESS({n})\n" for n, (_, abis) in aliases.items() if "openmpi" in abis]
    return "".join(out)


COMMITTED = {
    "include/mpi.h": lambda: header("standard"),
    "core/functions.hpp": functions_header,
    "core/predefined.inc": predefined,
}


def check(root):
    stale = [name for name, make in COMMITTED.items()
             if not (root / name).is_file() or (root / name).read_text() != make()]
    for name in stale:
        print(f"{root / name} is not what host/mpi/abi/generate.py writes; run: generate.py --write {root}")
    return 1 if stale else 0


def main(arguments):
    match arguments:
        case ["header", abi, file]:
            text = header(abi)
        case ["functions", file]:
            text = functions_header()
        case ["predefined", file]:
            text = predefined()
        case ["symbols", file]:
            text = symbols()
        case ["front", abi, part, parts, file]:
            text = front(abi, int(part), int(parts))
        case ["counters", tally_h, file]:
            text = counters(tally_h)
        case ["redeclare", file]:
            text = redeclare()
        case ["values", file]:
            text = values()
        case ["exports", abi, file]:
            text = exports(abi)
        case ["--check", root]:
            return check(Path(root))
        case ["--write", root]:
            for name, make in COMMITTED.items():
                (Path(root) / name).write_text(make())
            return 0
        case _:
            sys.exit(__doc__)
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    # An unchanged file keeps its time, so that nothing is compiled again.
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
