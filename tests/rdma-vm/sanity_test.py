#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The test cluster itself: what a command sees in a guest, and what comes back of it."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TOOL = HERE / "rdma_vm.py"


class Case(unittest.TestCase):
    result = None

    def has(self, line):
        if line not in self.result.stdout.splitlines():
            self.fail(f"no line '{line}' in this run:\n{told(self.result)}")

    def says(self, part):
        if part not in self.result.stderr:
            self.fail(f"'{part}' is not told by this run:\n{told(self.result)}")

    def ends(self, code):
        self.assertEqual(self.result.returncode, code, told(self.result))


def told(result):
    return f"{result.stdout}{result.stderr}exit code {result.returncode}"


def run(*arguments, **options):
    return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True, **options)


class OneGuest(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.place = pathlib.Path(cls.folder.name)
        (cls.place / "shared").mkdir()
        cls.outside = cls.place / "outside"
        cls.outside.write_text("as it was\n")
        cls.result = run("run", "--devices", "2", "--timeout", "240", "--share", cls.place / "shared",
                         "--env", f"SHARED={cls.place / 'shared'}", "--env", f"OUTSIDE={cls.outside}",
                         "--env", "WORDS=it's $HOME", "--", HERE / "one_guest.sh", "two words", "a'quote", cwd=cls.place)

    def test_an_rdma_device_is_active_with_packets_of_4096_bytes(self):
        text = self.result.stdout.replace("\t", " ")
        for part in ("rxe0", "PORT_ACTIVE", "active_mtu:  4096", "Ethernet"):
            self.assertIn(part, text)

    def test_two_processes_exchange_messages_by_rdma(self):
        self.has("pingpong: rxe0 and rxe0, 100 iterations, data valid")

    def test_two_devices_exchange_messages_by_rdma(self):
        self.has("pingpong: rxe0 and rxe1, 100 iterations, data valid")

    def test_shared_memory_and_fork_work(self):
        self.has("shared memory: 42 exit code of the child: 5")

    def test_memory_may_be_locked_without_limit(self):
        self.has("locked memory: True")

    def test_a_failing_command_brings_its_exit_code(self):
        self.ends(7)

    def test_environment_words_and_folder_arrive_unchanged(self):
        self.has(f"environment: 0 of 1 at 10.1.0.1 in {self.place}, it's $HOME")
        self.has("words: 2 'two words' 'a'quote'")

    def test_both_outputs_come_back_to_the_last_byte_though_a_child_is_left_behind(self):
        self.has("to the error output")
        self.has("by name")
        self.assertTrue(self.result.stdout.endswith("\nno newline\n"), told(self.result))

    def test_files_in_a_shared_folder_come_back(self):
        self.assertEqual((self.place / "shared" / "written").read_text(), "from the guest\n")

    def test_files_elsewhere_are_changed_in_the_guest_only(self):
        self.has("outside: changed")
        self.assertEqual(self.outside.read_text(), "as it was\n")


class TwoGuests(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.pcap = pathlib.Path(cls.folder.name) / "frames.pcap"
        cls.result = run("run", "--guests", "2", "--memory", "512", "--timeout", "240", "--grace", "1", "--pcap", cls.pcap,
                         "--", HERE / "two_guests.sh")

    def test_they_exchange_messages_by_rdma(self):
        for guest in range(2):
            self.has(f"guest {guest}: pingpong: ok")

    def test_the_capture_decodes_as_rocev2_without_an_error(self):
        if shutil.which("tshark") is None:
            self.skipTest("no tshark")
        def count(filter):
            out = subprocess.run(["tshark", "-r", self.pcap, "-Y", filter], capture_output=True, text=True, check=True).stdout
            return len(out.splitlines())
        self.assertGreaterEqual(count("infiniband.bth.opcode == 4 || infiniband.bth.opcode == 0"), 100)  # RC SEND only, first
        self.assertEqual(count("_ws.malformed"), 0)

    def test_a_panic_is_told_with_the_console(self):
        self.says("guest 1 ended without an exit code of its command")
        self.says("Kernel panic")
        self.ends(125)

    def test_a_guest_that_hangs_then_is_ended_and_told(self):
        self.says("guest 0 was ended 1 s after another one had failed")


class Tool(Case):
    def test_a_run_past_its_time_is_ended_and_told(self):
        self.result = run("run", "--timeout", "1", "--", "true")
        self.ends(124)
        self.says("guest 0 did not end within 1 s")

    def test_bad_arguments_are_refused_by_name(self):
        for arguments, part in ((["--guests", "0", "--", "true"], "--guests: '0' is not a number from 1 to 16"),
                                (["--share", "/nowhere", "--", "true"], "--share: '/nowhere' is not a folder"),
                                (["--env", "A B", "--", "true"], "--env: 'A B' is not NAME=VALUE"),
                                (["--cluster", "--", "true"], "--cluster needs several guests"),
                                (["--pcap", "x", "--", "true"], "--pcap needs several guests"),
                                ([], "required: command")):
            self.result = run("run", *arguments)
            self.ends(2)
            self.says(part)

    def test_a_machine_without_a_kernel_for_guests_is_told_what_to_do(self):
        with tempfile.TemporaryDirectory() as folder:
            self.result = run("--cache", folder, "run", "--", "true")
        self.ends(77)
        self.says("rdma_vm.py fetch")


if __name__ == "__main__":
    machine = run("check")
    if machine.returncode:
        print(machine.stdout + machine.stderr)
        sys.exit(machine.returncode)
    unittest.main(verbosity=2)
