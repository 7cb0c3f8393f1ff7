#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a C++ table of all registers (name, offset, access, reset) from hw/spec/tally.toml."""
import sys
import tomllib


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: register_table.py SPEC.toml OUT.hpp", file=sys.stderr)
        return 2
    with open(sys.argv[1], "rb") as f:
        spec = tomllib.load(f)
    rows = [f'    {{"{b["name"]}.{name}", {b["base"] + offset:#06x}, "{access}", {reset:#010x}u}},'
            for b in spec["block"] for name, offset, access, reset, _ in b["registers"]]
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("// SPDX-License-Identifier: BSD-3-Clause\n// Made by register_table.py.\n#pragma once\n\n"
                "#include <cstdint>\n\nnamespace tally::test {\n\n"
                "struct Register {\n  const char* name;\n  std::uint16_t offset;\n  const char* access;\n"
                "  std::uint32_t reset;\n};\n\ninline constexpr Register kRegisters[] = {\n"
                + "\n".join(rows) + "\n};\n\n}  // namespace tally::test\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
