#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs commands on a test cluster with RDMA: guests of QEMU with the Linux kernel's soft-RoCE.

    rdma_vm.py fetch                          download the guests' kernel, unless it is there (apt, network)
    rdma_vm.py check                          exit code 77 and the reason when this machine cannot run guests
    rdma_vm.py build                          make the guests' initial file system, unless it is there
    rdma_vm.py run [OPTION...] -- COMMAND...  run the command in each guest; see docs/rdma-vm.md

Exit code of `run`: that of the command (with several guests, of the first that failed), 124 when time was up, 125 when a guest
ended without an exit code (it panicked, or could not be set up), 77 when this machine cannot run guests.
"""
import argparse
import os
import pathlib
import re
import signal
import sys

import guests
import image

SKIPPED = 77
CACHE = image.HERE.parents[1] / "build" / "rdma-vm"
PASSED_ON = re.compile(r"(TALLY|GTEST|OMPI_MCA|FI|PMIX_MCA|UCX)_\w+|PATH|LANG")


def setting(text):
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, value


def folder(text):
    path = os.path.abspath(text)
    if not os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"'{text}' is not a folder")
    return path


def between(least, most):
    def parse(text):
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {least} to {most}")
        return value
    return parse


def parser():
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--cache", default=os.environ.get("RDMA_VM_CACHE", str(CACHE)),
                        help="folder of kernel and initial file system (build/rdma-vm)")
    commands = result.add_subparsers(dest="action", required=True)
    for name in ("fetch", "check", "build"):
        commands.add_parser(name)
    run = commands.add_parser("run")
    default = guests.Options([])
    run.add_argument("--guests", type=between(1, 16), default=default.guests, help="how many (1)")
    run.add_argument("--cluster", action="store_true",
                     help="run the command in guest 0 only; it starts programs in the others by guest-rsh")
    run.add_argument("--devices", type=between(1, 8), default=default.devices, help="RDMA devices of each guest (1)")
    run.add_argument("--processors", type=between(0, 64), default=default.processors,
                     help="of each guest (its part of the machine's, at most 4)")
    run.add_argument("--memory", type=between(256, 1 << 20), default=default.memory, help="of each guest, MiB (1024)")
    run.add_argument("--mtu", type=between(1280, 9000), default=default.mtu, help="of the Ethernet, bytes (4200)")
    run.add_argument("--timeout", type=between(1, 1 << 20), default=default.timeout,
                     help="seconds until all guests are ended, their start included (120)")
    run.add_argument("--grace", type=between(0, 1 << 20), default=default.grace,
                     help="seconds that the other guests get when one has failed (15)")
    run.add_argument("--share", type=folder, action="append", default=[], metavar="DIR",
                     help="folder that guests may write; all others they see as they were and write for themselves only")
    run.add_argument("--env", type=setting, action="append", default=[], metavar="NAME=VALUE",
                     help="for the command, beside PATH and what begins with TALLY_")
    run.add_argument("--pcap", help="file for all frames between guests")
    run.add_argument("--keep", metavar="DIR", help="folder for the consoles' logs")
    run.add_argument("command", nargs="+", help="words of the command, after --")
    return result


def main():
    options = parser()
    arguments = options.parse_args()
    if arguments.action == "run" and arguments.guests == 1:
        for name in ("pcap", "cluster"):
            if getattr(arguments, name):
                options.error(f"--{name} needs several guests")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # guests end first
    try:
        if arguments.action == "fetch":
            kernel = image.fetch(arguments.cache)
            print(f"guest kernel {kernel.version}")
        elif arguments.action == "check":
            guests.check()
            image.kernel(arguments.cache)
        elif arguments.action == "build":
            guests.check()
            print(image.initrd(arguments.cache, image.kernel(arguments.cache)))
        else:
            environment = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
            environment.update(arguments.env)
            return guests.run(guests.Options(
                command=arguments.command, guests=arguments.guests, cluster=arguments.cluster, devices=arguments.devices,
                processors=arguments.processors, memory=arguments.memory, mtu=arguments.mtu, timeout=arguments.timeout,
                grace=arguments.grace, share=arguments.share, environment=environment,
                pcap=arguments.pcap and os.path.abspath(arguments.pcap), keep=arguments.keep), arguments.cache)
    except image.Missing as reason:
        print(f"rdma-vm: SKIPPED: {reason}", file=sys.stderr)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
