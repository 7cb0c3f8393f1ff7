#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compiler wrappers and mpiexec: what they show, what they pass on, what they refuse. Usage: wrappers_test.py BIN SCRATCH"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BIN = Path()


def run(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60, **more)


class Compiler(unittest.TestCase):
    def test_show_is_the_whole_command(self):
        shown = run(BIN / "mpicc", "-show").stdout.split()
        self.assertTrue(any(w.startswith("-I") for w in shown))
        self.assertIn("-lmpi_abi", shown)

    def test_show_of_a_compilation_does_not_link(self):
        shown = run(BIN / "mpicc", "-show", "-c", "x.c").stdout.split()
        self.assertIn("x.c", shown)
        self.assertNotIn("-lmpi_abi", shown)

    def test_showme_parts_are_those_of_the_whole(self):
        whole = run(BIN / "mpicxx", "--showme").stdout
        for part in ("compile", "link", "command"):
            self.assertIn(run(BIN / "mpicxx", f"--showme:{part}").stdout.strip(), whole)
            self.assertIn(run(BIN / "mpicxx", f"-showme:{part}").stdout.strip(), whole)
        self.assertEqual(run(BIN / "mpicxx", "--showme:libs").stdout.strip(), "mpi_abi")

    def test_mpich_spellings_have_both_parts(self):
        self.assertIn("-I", run(BIN / "mpicc", "-compile_info").stdout)
        self.assertIn("-lmpi_abi", run(BIN / "mpicc", "-link_info").stdout)

    def test_another_compiler_is_taken_from_option_and_environment(self):
        self.assertTrue(run(BIN / "mpicc", "-cc=other", "-show").stdout.startswith("other "))
        self.assertTrue(run(BIN / "mpicc", "-show", env={**os.environ, "TALLY_CC": "ccache other"})
                        .stdout.startswith("ccache other "))

    def test_unknown_showme_is_refused_by_name(self):
        result = run(BIN / "mpicc", "--showme:nonsense")
        self.assertEqual(result.returncode, 2)
        self.assertIn("nonsense", result.stderr)

    def test_names_with_blanks_and_a_link_to_the_wrapper_work(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "a program.c"
            source.write_text("#include <mpi.h>\nint main(void) { return MPI_VERSION - 5 + NUMBER; }\n")
            link = Path(folder) / "my mpicc"
            link.symlink_to(BIN / "mpicc")
            program = Path(folder) / "the output"
            result = run(link, "-DNUMBER=3", source, "-o", program)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(run(program).returncode, 3)

    def test_failure_of_the_compiler_is_that_of_the_wrapper(self):
        self.assertNotEqual(run(BIN / "mpicc", "-c", "/nonexistent.c").returncode, 0)


class Mpiexec(unittest.TestCase):
    def test_both_spellings_of_the_number_start_that_many(self):
        for name in ("mpiexec", "mpirun"):
            for option in ("-n", "-np"):
                result = run(BIN / name, option, "3", "sh", "-c", "echo $TALLY_RANK")
                self.assertEqual(sorted(result.stdout.split()), ["0", "1", "2"], result.stderr)

    def test_environment_options_reach_the_processes(self):
        result = run(BIN / "mpirun", "-n", "1", "-x", "ONE=1 and more", "-genv", "TWO", "2", "sh", "-c", "echo $ONE, $TWO")
        self.assertEqual(result.stdout.strip(), "1 and more, 2", result.stderr)

    def test_options_of_tally_run_are_passed_on(self):
        result = run(BIN / "mpiexec", "-n", "2", "--engine", "soft", "--tag-output", "--oversubscribe", "echo", "-n x")
        self.assertEqual(sorted(result.stdout.split("\n"))[1:], ["[0] -n x", "[1] -n x"], result.stderr)

    def test_folder_is_where_they_start(self):
        result = run(BIN / "mpiexec", "-n", "1", "-wdir", "/", "pwd")
        self.assertEqual(result.stdout.strip(), "/", result.stderr)

    def test_exit_code_is_that_of_the_job(self):
        self.assertEqual(run(BIN / "mpiexec", "-n", "1", "sh", "-c", "exit 7").returncode, 7)

    def test_missing_number_and_several_programs_are_refused(self):
        result = run(BIN / "mpiexec", "true")
        self.assertEqual(result.returncode, 2)
        self.assertIn("-n N", result.stderr)
        result = run(BIN / "mpiexec", "-n", "1", "true", ":", "-n", "1", "true")
        self.assertEqual(result.returncode, 2)
        self.assertIn("':'", result.stderr)
        self.assertEqual(run(BIN / "mpiexec", "-n").returncode, 2)


if __name__ == "__main__":
    BIN = Path(sys.argv[1])
    os.chdir(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
