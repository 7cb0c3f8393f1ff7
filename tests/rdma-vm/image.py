# SPDX-License-Identifier: BSD-3-Clause
"""The guest's kernel and its initial file system.

The kernel is Debian's, unchanged: the package is downloaded by apt, and what the guests need of it (the kernel and a few
modules, 73 MB) is kept under the cache folder. The initial file system holds busybox, those modules and guest/init; all other
programs are the host's own, which the guest sees at their places.
"""
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INIT = HERE / "guest" / "init"
PACKAGE = "linux-image-amd64"
# In the order in which they are loaded, after what they depend on. rdma_rxe asks for crc32 by name when a device is made.
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_net", "virtio_console", "veth", "bridge", "crc32_generic",
           "rdma_rxe", "ib_uverbs", "rdma_ucm", "sch_netem"]


class Missing(Exception):
    """Something of the machine is not there, and what to do about it."""


class Kernel:
    """A kernel in the cache: .image, .modules (a folder) and .order (names of files there, as they are to be loaded)."""

    def __init__(self, folder):
        self.folder = folder
        self.image = folder / "vmlinux"
        self.modules = folder / "modules"
        self.order = (self.modules / "order").read_text().split()
        self.version = (folder / "version").read_text().strip()


def _pattern():
    return hashlib.sha256(" ".join(MODULES).encode()).hexdigest()[:8]


def kernel(cache):
    """The newest kernel in the cache; Missing when there is none."""
    found = sorted(pathlib.Path(cache).glob(f"kernel-*-{_pattern()}"), key=lambda folder: folder.stat().st_mtime)
    if not found:
        raise Missing(f"no guest kernel under {cache}: run '{HERE / 'rdma_vm.py'} fetch' (needs apt and the network)")
    return Kernel(found[-1])


def module_order(folder):
    """Paths under the folder of MODULES and of all that they depend on, each after its own dependencies."""
    files = {path.name.removesuffix(".ko").replace("-", "_"): path for path in pathlib.Path(folder).rglob("*.ko")}
    order = []

    def add(name):
        path = files.get(name.replace("-", "_"))
        if path is None:
            raise Missing(f"the kernel package has no module {name}")
        if path in order:
            return
        for field in re.findall(rb"\0depends=([^\0]*)", path.read_bytes()):
            for dependency in filter(None, field.decode().split(",")):
                add(dependency)
        order.append(path)

    for name in MODULES:
        add(name)
    return order


def _run(*command, cwd=None):
    """Output of a command; Missing with what it wrote when it fails."""
    try:
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise Missing(f"no command {command[0]}: kernels are fetched on Debian and its kin only") from None
    except subprocess.CalledProcessError as error:
        raise Missing(f"'{' '.join(command)}' failed: {error.stderr.strip() or error.stdout.strip()}") from None


def _download(folder):
    """Downloads the package that PACKAGE depends on; its path and the kernel's version."""
    def names():
        return re.findall(r"Depends: (linux-image-(\d\S+))", _run("apt-cache", "depends", PACKAGE))
    found = names()
    if not found:
        _run("apt-get", "update", "-qq")
        found = names()
    if not found:
        raise Missing(f"apt knows no package {PACKAGE}")
    name, version = found[0]
    try:
        _run("apt-get", "download", "-qq", name, cwd=folder)
    except Missing:
        _run("apt-get", "update", "-qq")  # lists older than the archive name packages that it holds no more
        name, version = names()[0]
        _run("apt-get", "download", "-qq", name, cwd=folder)
    return next(pathlib.Path(folder).glob("*.deb")), version


def fetch(cache):
    """The kernel of the cache, or of the package, which is downloaded then."""
    cache = pathlib.Path(cache)
    try:
        return kernel(cache)
    except Missing:
        pass
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
        package, version = _download(folder)
        tree = pathlib.Path(folder) / "tree"
        _run("dpkg", "-x", str(package), str(tree))
        result = pathlib.Path(folder) / "kernel"
        (result / "modules").mkdir(parents=True)
        (result / "vmlinux").write_bytes(unpacked((tree / "boot" / f"vmlinuz-{version}").read_bytes()))
        order = module_order(tree / "lib" / "modules" / version)
        for path in order:
            shutil.copy(path, result / "modules")
        (result / "modules" / "order").write_text("".join(path.name + "\n" for path in order))
        (result / "version").write_text(version + "\n")
        _settle(result, cache / f"kernel-{version}-{_pattern()}")
    return kernel(cache)


def unpacked(image):
    """The ELF file within a bzImage (Linux, Documentation/x86/boot.rst: setup_sects, payload_offset, payload_length): QEMU starts
    it without the seconds that unpacking takes under emulation."""
    offset, size = struct.unpack_from("<II", image, 0x248)
    start = (image[0x1f1] + 1) * 512 + offset
    payload = image[start:start + size]
    if not payload.startswith(b"\xfd7zXZ"):
        raise Missing("the kernel is not packed by xz")
    return lzma.LZMADecompressor().decompress(payload)


def _settle(made, place):
    """Moves what was made to its place; whoever was first wins."""
    try:
        os.rename(made, place)
    except OSError:
        if not place.exists():
            raise


def busybox():
    """Path of a busybox that needs no library."""
    path = shutil.which("busybox")
    if path is None:
        raise Missing("no busybox: install the package busybox-static")
    if b"/ld-" in pathlib.Path(path).read_bytes()[:4096]:  # the name of its dynamic linker
        raise Missing(f"{path} needs libraries: install the package busybox-static")
    return pathlib.Path(path)


def _cpio(entries):
    """A "newc" archive of (name, mode, content, device)."""
    archive = bytearray()
    for number, (name, mode, content, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))], 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + content
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def initrd(cache, kernel):
    """Path of the initial file system for this kernel: made when its inputs changed, else the one in the cache."""
    shell = busybox().read_bytes()
    digest = hashlib.sha256()
    contents = [INIT.read_bytes(), shell, (kernel.modules / "order").read_bytes()]
    contents += [(kernel.modules / name).read_bytes() for name in kernel.order]
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    place = pathlib.Path(cache) / f"initrd-{digest.hexdigest()[:16]}.cpio"
    if place.exists():
        return place
    folder, file, node = 0o040755, 0o100755, 0o020600
    entries = [(name, folder, b"", (0, 0)) for name in
               ("bin", "dev", "proc", "sys", "lower", "layer", "root", "modules")]
    entries += [("dev/console", node, b"", (5, 1)), ("init", file, contents[0], (0, 0)), ("bin/busybox", file, shell, (0, 0)),
                ("modules/order", file, contents[2], (0, 0))]
    entries += [(f"modules/{name}", file, content, (0, 0)) for name, content in zip(kernel.order, contents[3:])]
    with tempfile.NamedTemporaryFile(dir=cache, delete=False) as out:
        out.write(_cpio(entries))
    _settle(out.name, place)
    return place
