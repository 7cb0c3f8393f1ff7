#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Find what the RTL must not use: yosys rejects it or, worse, miscompiles it without a word.

usage: banned.py FILE.sv...   check files; exit 1 and a line for each finding
       banned.py --self-test  check that each pattern is found and that allowed forms are not
"""
import re
import sys

STRUCT = r"(?:\w+::)?\w+_t\b"
# (name, pattern, an example that must be found). Patterns run over text without comments and strings.
BANNED = [
    ("array of a typedef", rf"\b{STRUCT}\s+\w+\s*\[", "cqe_t mem [4];"),
    ("packed dimension on a typedef", r"\b(?:\w+::)?\w+_[te]\s*\[[^\]]*\]\s*\w+", "tally_pkg::byte_t [3:0] x;"),
    ("2-D packed vector", r"\b(?:logic|bit|reg|wire)\s*(?:signed\s*)?\[[^\]]*\]\s*\[", "logic [3:0][7:0] x;"),
    ("parameter type", r"\bparameter\s+(?:type|string)\b", "parameter type T = logic"),
    ("struct parameter", rf"\b(?:parameter|localparam)\s+{STRUCT}\s", "localparam pkg::foo_t X = 0;"),
    # A constant filled with '1 has the value 1 in yosys 0.23: write {N{1'b1}}.
    ("constant filled with '1", r"\b(?:parameter|localparam)\b[^;]*'1\b", "localparam logic [3:0] X = 4'd2, Y = '1;"),
    # Assigned to an indexed part, '1 is the value 1 there too: one bit of the part is set.
    ("indexed part filled with '1", r"[+-]:[^\]]*\]\s*<?=\s*'1", "x[{a, 2'(0)} +: 4] = '1;"),
    ("interface", r"\b(?:interface|modport)\b", "interface bus; endinterface"),
    ("assignment pattern", r"'\{", "x = '{default: 0};"),
    ("type cast", r"\b(?:\w+_[te]|int|integer|byte|shortint|longint|logic|bit|reg)\s*'\s*\(", "x = state_e'(2);"),
    ("return", r"\breturn\b", "return x;"),
    ("break or continue", r"\b(?:break|continue)\b", "break;"),
    ("foreach", r"\bforeach\b", "foreach (a[i]) x = 1;"),
    ("inside", r"\binside\b", "if (x inside {1, 2}) y = 1;"),
    ("streaming operator", r"\{\s*(?:<<|>>)", "x = {<<{y}};"),
    ("wildcard equality", r"[!=]=\?", "if (a ==? b) c = 1;"),
    ("unique if", r"\b(?:unique|unique0|priority)\s+if\b", "unique if (a) b = 1;"),
    ("import", r"\bimport\b", "import tally_pkg::*;"),
    ("$bits of a type", rf"\$bits\s*\(\s*(?:{STRUCT}|logic|bit|int)", "x = $bits(foo_t);"),
    ("struct return of a function", rf"\bfunction\s+automatic\s+{STRUCT}", "function automatic foo_t f();"),
    ("static function", r"\bfunction\s+(?!automatic\b)", "function logic f();"),
]
# Within function ... endfunction only: struct ports of modules are allowed.
IN_FUNCTION = [("struct argument of a function", rf"\b(?:input|output|inout)\s+{STRUCT}")]
ALLOWED = """
module m #(parameter int unsigned W = 4) (input wire logic clk_i, input wire tally_pkg::cqe_t cqe_i);
  localparam logic [3:0] Ones = {4{1'b1}};
  localparam logic [3:0] Zero = '0;
  logic [W-1:0] mem [16];
  assign z = '1;
  state_e state_q; // return inside '{ of a comment
  assign x = W'(y) + 8'(z) + signed'(a);
  /* foreach break */
  initial $display("return '{ inside");
  function automatic logic [3:0] f(input logic [3:0] a); f = a; endfunction
  always_comb unique case (state_q) default: ; endcase
endmodule
"""


def strip(text: str) -> str:
    """Comments and strings become blanks; line numbers stay."""
    def blank(match: re.Match) -> str:
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def findings(text: str) -> list[tuple[int, str]]:
    code = strip(text)
    found = [(m.start(), name) for name, pattern, _ in BANNED for m in re.finditer(pattern, code)]
    for function in re.finditer(r"\bfunction\b.*?\bendfunction\b", code, flags=re.S):
        found += [(function.start() + m.start(), name)
                  for name, pattern in IN_FUNCTION for m in re.finditer(pattern, function.group())]
    return [(code.count("\n", 0, at) + 1, name) for at, name in sorted(found)]


def frame(text: str) -> list[tuple[int, str]]:
    """SPDX line first, `default_nettype none before all code, `default_nettype wire last."""
    found = []
    lines = text.rstrip("\n").split("\n")
    if "SPDX-License-Identifier: BSD-3-Clause" not in lines[0]:
        found.append((1, "no SPDX line"))
    code = [(i + 1, line.strip()) for i, line in enumerate(strip(text).split("\n")) if line.strip()]
    if not code or code[0][1] != "`default_nettype none":
        found.append((code[0][0] if code else 1, "code before `default_nettype none"))
    if not code or code[-1][1] != "`default_nettype wire":
        found.append((code[-1][0] if code else 1, "does not end with `default_nettype wire"))
    return found


def self_test() -> int:
    bad = 0
    cases = [(name, example) for name, _, example in BANNED]
    cases.append(("struct argument of a function", "function automatic logic f(input foo_t a); endfunction"))
    for name, example in cases:
        if name not in [n for _, n in findings(example)]:
            print(f"not found: {name}: {example}")
            bad += 1
    for line, name in findings(ALLOWED):
        print(f"found in allowed text, line {line}: {name}")
        bad += 1
    if not frame("module m; endmodule\n"):
        print("missing frame not found")
        bad += 1
    return 1 if bad else 0


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    bad = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for line, name in findings(text) + frame(text):
            print(f"{path}:{line}: {name}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
