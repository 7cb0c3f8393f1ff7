#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of report.py on counts made by hand."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

import report

SOURCE = """module tally_a;
  if (a) begin
    x <= 1;
  default: x <= 0;
endmodule
"""


def record(count, page, line, comment, number=0, instance="top", file="hw/rtl/tally_a.sv"):
    fields = {"f": file, "l": line, "n": number, "page": f"{page}/tally_a", "o": comment, "h": instance}
    return "C '" + "".join(f"\x01{key}\x02{value}" for key, value in fields.items()) + f"' {count}\n"


def line(count, at, kind="block", **more):
    return record(count, "v_line", at, kind, **more)


def toggle(count, comment, **more):
    return record(count, "v_toggle", 1, comment, **more)


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "tally_a.sv").write_text(SOURCE)

    def run_report(self, *models, uncovered="", options=()):
        """Exit code and output for the records of each model."""
        for number, records in enumerate(models):
            (self.folder / f"{number}.dat").write_text("# SystemC::Coverage-3\n" + "".join(records))
        (self.folder / "uncovered.toml").write_text(uncovered)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = report.main([str(self.folder), str(self.folder / "uncovered.toml"), "--rtl", str(self.folder), *options])
        return int(code), output.getvalue()

    def table(self, output, module="tally_a"):
        return next(text.split()[1:] for text in output.splitlines() if text.split()[:1] == [module])

    def test_counts_points_of_all_models_and_instances_once(self):
        code, output = self.run_report(
            [line(1, 2), line(0, 3), toggle(2, "x[0]"), toggle(0, "x[1]")],
            [line(0, 2), line(0, 3, instance="a"), line(4, 3, instance="b"), toggle(0, "x[0]"), toggle(3, "x[1]")])
        self.assertEqual(self.table(output), ["2", "2", "100.0", "2", "2", "0", "100.0"])
        self.assertEqual(self.table(output, "all"), ["2", "2", "100.0", "2", "2", "0", "100.0"])
        self.assertEqual(code, 0)

    def test_both_ways_of_a_branch_count(self):
        _, output = self.run_report([line(1, 2, "if", number=1), line(0, 2, "else", number=2)])
        self.assertEqual(self.table(output)[:3], ["2", "1", "50.0"])

    def test_bit_that_changes_once_in_each_model_does_not_toggle(self):
        _, output = self.run_report([toggle(1, "x")], [toggle(1, "x")])
        self.assertEqual(self.table(output)[3:], ["1", "0", "0", "0.0"])

    def test_other_files_and_kinds_do_not_count(self):
        _, output = self.run_report([line(1, 2), line(0, 2, file="bench.sv"), record(0, "v_user", 2, "cover")])
        self.assertEqual(self.table(output, "all")[:2], ["1", "1"])
        self.assertNotIn("bench", output)

    def test_unreached_line_has_to_be_named_by_its_text(self):
        models = [line(0, 4), line(1, 2), toggle(2, "x")]
        code, output = self.run_report(models, options=["--lines", "50"])
        self.assertIn("not reached and not named: tally_a.sv:4 (block): default: x <= 0;", output)
        self.assertEqual(code, 1)
        code, output = self.run_report(models, options=["--lines", "50"],
                                       uncovered='[lines."tally_a.sv"]\n"default: x <= 0;" = "no such state"')
        self.assertEqual((code, self.table(output)[:3]), (0, ["2", "1", "50.0"]))

    def test_too_few_lines_fail_although_they_are_named(self):
        code, output = self.run_report([line(0, 4), line(1, 2)],
                                       uncovered='[lines."tally_a.sv"]\n"default: x <= 0;" = "no such state"')
        self.assertIn("tally_a: fewer than 95 % of the lines are reached", output)
        self.assertEqual(code, 1)

    def test_what_is_named_but_reached_fails(self):
        code, output = self.run_report(
            [line(1, 4), toggle(2, "x[0]")],
            uncovered='[lines."tally_a.sv"]\n"default: x <= 0;" = "no such state"\n'
                      '[[toggles]]\nmodules = ["tally_a"]\nsignals = ["x[0]"]\nreason = "zero"')
        self.assertIn("named, but reached or gone: tally_a.sv: default: x <= 0;", output)
        self.assertIn("named, but reached or gone: tally_a: x[0]", output)
        self.assertEqual(code, 1)

    def test_bits_without_toggle_are_listed_by_runs_and_fail_below_the_limit(self):
        bits = [toggle(0 if bit in (1, 2, 3, 5) else 2, f"x[{bit}]") for bit in range(8)] + [toggle(0, "y")]
        code, output = self.run_report(bits)
        self.assertIn("tally_a: 5 of 9 bits neither toggle nor are named: x[3:1], x[5], y", output)
        self.assertIn("tally_a: fewer than 95 % of the bits toggle or are named", output)
        self.assertEqual(code, 1)
        code, _ = self.run_report(bits, options=["--toggles", "40"])
        self.assertEqual(code, 0)

    def test_a_module_may_have_a_limit_of_its_own(self):
        bits = [toggle(2 * (bit < 6), f"x[{bit}]") for bit in range(10)]
        for limit, fails in ((60, 0), (61, 1)):
            self.assertEqual(self.run_report(bits, uncovered=f"[limits]\ntally_a = {limit}")[0], fails)

    def test_named_signals_fill_up_to_the_limit(self):
        bits = [toggle(0 if bit >= 2 else 2, f"x[{bit}]") for bit in range(4)] + [toggle(0, "y_len")]
        code, output = self.run_report(
            bits, uncovered='[[toggles]]\nmodules = ["tally_*"]\nsignals = ["x[3:2]", "*_len"]\nreason = "short"')
        self.assertEqual((code, self.table(output)[3:]), (0, ["5", "2", "3", "40.0"]))

    def test_pattern_of_another_module_or_bit_names_nothing(self):
        for modules, signal in (("tally_b", "x[0]"), ("tally_a", "x[1]"), ("tally_a", "xx")):
            code, output = self.run_report(
                [toggle(0, "x[0]")],
                uncovered=f'[[toggles]]\nmodules = ["{modules}"]\nsignals = ["{signal}"]\nreason = "zero"')
            self.assertEqual((code, self.table(output)[5]), (1, "0"))

    def test_write_replaces_the_table_of_the_document_only(self):
        document = self.folder / "document.md"
        document.write_text("| module | other |\n\n## Coverage\ntext\n\n| module | old |\n| --- | --- |\n| a | 1 |\n\nmore\n")
        self.run_report([line(1, 2), toggle(2, "x")], options=["--write", str(document)])
        self.assertEqual(document.read_text(), """| module | other |

## Coverage
text

| module | lines | reached | percent | toggles | toggled | named | percent |
| --- | --- | --- | --- | --- | --- | --- | --- |
| tally_a | 1 | 1 | 100.0 | 1 | 1 | 0 | 100.0 |
| all | 1 | 1 | 100.0 | 1 | 1 | 0 | 100.0 |

more
""")

    def test_no_counts_fail(self):
        code, output = self.run_report()
        self.assertIn("no counts in", output)
        self.assertEqual(code, 1)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
