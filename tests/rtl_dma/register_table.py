#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a C++ table of all registers (name, offset, access, reset) from hw/spec/tally.toml.

The registers of block Ep are there once for each endpoint: Ep0.SqBaseLo, Ep1.SqBaseLo, ...
"""
import sys
import tomllib


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: register_table.py SPEC.toml OUT.hpp", file=sys.stderr)
        return 2
    with open(sys.argv[1], "rb") as f:
        spec = tomllib.load(f)
    endpoints = spec["constants"]["NumEndpoints"]["value"]
    page = spec["constants"]["EndpointPage"]["value"]
    blocks = []
    for b in spec["block"]:
        if b["name"] == "Ep":
            blocks += [(f"Ep{e}", b["base"] + e * page, b) for e in range(endpoints)]
        else:
            blocks.append((b["name"], b["base"], b))
    rows = [f'    {{"{block}.{name}", {base + offset:#06x}, "{access}", {reset:#010x}u}},'
            for block, base, b in blocks for name, offset, access, reset, _ in b["registers"]]
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("// SPDX-License-Identifier: BSD-3-Clause\n// Made by register_table.py.\n#pragma once\n\n"
                "#include <cstdint>\n\nnamespace tally::test {\n\n"
                "struct Register {\n  const char* name;\n  std::uint16_t offset;\n  const char* access;\n"
                "  std::uint32_t reset;\n};\n\ninline constexpr Register kRegisters[] = {\n"
                + "\n".join(rows) + "\n};\n\n}  // namespace tally::test\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
