# SPDX-License-Identifier: BSD-3-Clause
"""Runs one command in each of some guests and brings back output and exit codes."""
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import image
import wire

HERE = image.HERE
QEMU = "qemu-system-x86_64"
PROGRAMS = {QEMU: "qemu-system-x86", "rdma": "iproute2", "ip": "iproute2", "bash": "bash", "setpriv": "util-linux"}
TIMED_OUT = 124
BROKEN = 125  # a guest that ended without an exit code of its command
CONSOLE_LINES = 40
FAILURE = re.compile(r"Kernel panic|BUG:|Oops:|general protection|Out of memory")


@dataclasses.dataclass
class Options:
    command: list             # words
    guests: int = 1
    cluster: bool = False     # the command in guest 0 only, which starts others in the rest by guest-rsh
    devices: int = 1          # RDMA devices of each guest
    processors: int = 0       # of each guest; 0: its part of the machine's, at most 4
    memory: int = 1024        # MiB of each guest
    mtu: int = 4200           # of the Ethernet; 4200 is the least that lets RDMA packets carry 4096 bytes
    timeout: float = 120      # seconds, start of the guests included
    grace: float = 15         # seconds that other guests get when one has failed
    share: list = dataclasses.field(default_factory=list)        # folders that guests may write
    environment: dict = dataclasses.field(default_factory=dict)  # for the command
    directory: str = dataclasses.field(default_factory=os.getcwd)
    pcap: str = None          # capture of the Ethernet
    keep: str = None          # folder for the guests' console logs


def check():
    """Raises image.Missing with the reason when this machine cannot run guests."""
    if os.uname().machine != "x86_64":
        raise image.Missing("guests run on x86_64 only")
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise image.Missing(f"no {program}: install the package {package}")
    image.busybox()


class Guest:
    """One QEMU process. Lines of its command's output go to `show` (a function of the guest's number and a line)."""

    def __init__(self, number, folder, options, kernel, initrd, network, show):
        self.number = number
        self.console = folder / f"console.{number}"
        self._exit = folder / f"exit.{number}"
        self.code = None
        reader, writer = os.pipe()
        processors = options.processors or max(1, min(4, (os.cpu_count() or 1) // options.guests))
        command = ["setpriv", "--pdeathsig", "KILL", QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                   "-M", "q35", "-cpu", "max", "-accel", accelerator(),
                   "-smp", str(processors), "-m", str(options.memory),
                   "-kernel", str(kernel.image), "-initrd", str(initrd), "-append", append(number),
                   "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
                   "-device", "virtio-serial-pci", "-chardev", f"file,id=output,path=/dev/fd/{writer}",
                   "-device", "virtserialport,chardev=output,name=output"]
        command += ninep("root", "/", True) + ninep("run", folder, False)
        for index, path in enumerate(options.share):
            command += ninep(f"share{index}", path, False)
        for device in range(options.devices if network else 0):
            command += ["-netdev", f"stream,id=net{device},server=off,addr.type=unix,addr.path={network}",
                        "-device", f"virtio-net-pci,netdev=net{device},host_mtu={options.mtu},"
                        f"mac=52:54:00:00:{device:02x}:{number + 1:02x}"]
        self._errors = open(folder / f"qemu.{number}", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors,
                                        pass_fds=[writer])
        os.close(writer)
        self._reader = threading.Thread(target=self._read, args=(reader, show), daemon=True)
        self._reader.start()

    def _read(self, reader, show):
        with open(reader, "rb", buffering=0) as pipe:
            rest = b""
            while data := pipe.read(1 << 16):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    show(self.number, line)
            if rest:
                show(self.number, rest)

    def ended(self):
        """Whether QEMU is gone; then .code is the command's exit code, or None when there is none."""
        if self.process.poll() is None:
            return False
        self._reader.join()
        text = self._exit.read_text().strip() if self._exit.exists() else ""
        self.code = int(text) if text.isdigit() else None
        return True

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._reader.join()

    def last_words(self):
        """What QEMU complained of, and the console's log from where the kernel failed, or else its end."""
        self._errors.seek(0)
        lines = self.console.read_text(errors="replace").splitlines() if self.console.exists() else []
        failed = [index for index, line in enumerate(lines) if FAILURE.search(line)]
        lines = (lines[failed[0]:][:CONSOLE_LINES] if failed else lines[-CONSOLE_LINES:]) or ["(nothing)"]
        return "".join(f"  {line}\n" for line in [*self._errors.read().splitlines(), *lines])


def accelerator():
    """KVM where the processor has it; a device file alone does not say so."""
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    virtual = ("vmx" in flags or "svm" in flags) and os.access("/dev/kvm", os.W_OK)
    return "kvm" if virtual else "tcg,thread=multi"


def append(number):
    """The kernel's command line. Watchdogs are off: a host that is busy elsewhere is no fault of the guest."""
    return ("console=ttyS0 quiet panic=-1 oops=panic mitigations=off nowatchdog rcupdate.rcu_cpu_stall_suppress=1 "
            f"net.ifnames=0 tsc=reliable random.trust_cpu=on rdma_vm.guest={number}")


def ninep(tag, path, readonly):
    path = str(path).replace(",", ",,")
    return ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none,multidevs=remap"
            + (",readonly=on" if readonly else "")]


def _write_run_folder(folder, options):
    values = {"GUESTS": options.guests, "CLUSTER": int(options.cluster), "DEVICES": options.devices, "MTU": options.mtu,
              "SETUP": HERE / "guest" / "setup.sh", "AGENT": HERE / "guest" / "agent.py", "TOOLS": HERE / "guest" / "bin"}
    (folder / "config").write_text("".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items()))
    (folder / "shares").write_text("".join(f"{path}\n" for path in options.share))
    environment = dict(options.environment)
    environment["PATH"] = f"{HERE / 'guest' / 'bin'}:{environment.get('PATH', os.defpath)}"
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    (folder / "environment").write_text(exports)
    (folder / "command").write_text(
        f". /run/rdma-vm/environment\ncd {shlex.quote(options.directory)} || exit 1\nexec {shlex.join(options.command)}\n")


def run(options, cache):
    """Runs the guests; the exit code of the run: of the first guest whose command failed, TIMED_OUT, BROKEN or 0."""
    check()
    kernel = image.kernel(cache)
    initrd = image.initrd(cache, kernel)
    lock = threading.Lock()

    def show(number, line):
        with lock:
            if options.guests > 1:
                sys.stdout.buffer.write(b"guest %d: " % number)
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()

    def tell(text):
        with lock:
            print(f"rdma-vm: {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="rdma-vm-") as name:
        folder = pathlib.Path(name)
        _write_run_folder(folder, options)
        switch = None
        if options.guests > 1:
            switch = wire.Switch(str(folder / "wire"), options.pcap)
            switch.start()
        guests = []
        try:
            for number in range(options.guests):
                guests.append(Guest(number, folder, options, kernel, initrd, switch and folder / "wire", show))
            code = _wait(guests, options, tell)
        finally:
            for guest in guests:
                guest.kill()
            if switch:
                switch.close()
                if switch.dropped:
                    tell(f"the switch dropped {switch.dropped} of {switch.frames} frames: a guest did not take them")
            if options.keep:
                os.makedirs(options.keep, exist_ok=True)
                for guest in guests:
                    shutil.copy(guest.console, options.keep)
        return code


def _wait(guests, options, tell):
    """Until all have ended, time is up, or one has failed and the others have had their grace."""
    end = time.monotonic() + options.timeout
    running = list(guests)
    result = 0
    while running:
        for guest in [guest for guest in running if guest.ended()]:
            running.remove(guest)
            if guest.code == 0:
                continue
            if guest.code is None:
                tell(f"guest {guest.number} ended without an exit code of its command; its console ended so:\n"
                     + guest.last_words())
            elif options.guests > 1:
                tell(f"the command of guest {guest.number} failed with exit code {guest.code}")
            if result == 0:
                result = BROKEN if guest.code is None else guest.code
                end = min(end, time.monotonic() + options.grace)
        if running and time.monotonic() > end:
            for guest in running:
                guest.kill()
                why = (f"was ended {options.grace:g} s after another one had failed" if result else
                       f"did not end within {options.timeout:g} s")
                tell(f"guest {guest.number} {why}; its console ended so:\n" + guest.last_words())
            return result or TIMED_OUT
        time.sleep(0.02)
    return result
