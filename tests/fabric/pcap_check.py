#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check captures of simulated devices with tshark, and every ICRC without it.

usage: pcap_check.py FILE.pcap...          every frame must be RoCEv2, decode without an error and have its right ICRC
       pcap_check.py --bad N FILE.pcap...  of a run with corruption: list the frames with a wrong ICRC or that do not
                                           decode; fail unless there are N of them (N "any": fail never)
       pcap_check.py --self-test           the ICRC of frames that are known to be right and wrong

Exit code: 0 right, 1 wrong, 2 bad arguments, 77 no tshark.
"""
import re
import shutil
import struct
import subprocess
import sys
import zlib

VARIABLE = (15, 22, 24, 25, 40, 41, 46)  # TOS, TTL, IPv4 and UDP checksum, BTH resv8a: bytes of the frame
FIELDS = ("frame.number", "frame.protocols", "infiniband.bth.opcode", "infiniband.invariant.crc",
          "_ws.malformed", "_ws.expert.severity", "_ws.expert.message")
# What tshark guesses from the first bytes of a payload. User data may look like anything: off.
GUESSES = ["eth_over_ib", "fc_infiniband", "iser_infiniband", "lnet_ib", "mellanox_eoib", "nvme_rdma",
           "rpcrdma_infiniband", "sdp_infiniband", "smb_direct_infiniband", "smcr_infiniband"]
HEADERS = 14 + 20 + 8 + 12 + 4  # the shortest frame
WRITE_ONLY, RETH = 0x0A, 16     # BTH opcode; bytes of its further header
NOTE = 0x400000                 # expert severities: 0x200000 chat, 0x400000 note, 0x600000 warning, 0x800000 error


def frames(path: str) -> list[bytes]:
    with open(path, "rb") as f:
        data = f.read()
    header = struct.unpack_from("<IHHiIII", data)
    if header[0] != 0xA1B23C4D or header[1:3] != (2, 4) or header[6] != 1:
        raise ValueError(f"{path}: not a pcap file with nanoseconds and Ethernet frames")
    found, at, last = [], 24, (0, 0)
    while at < len(data):
        seconds, nanoseconds, size, whole = struct.unpack_from("<IIII", data, at)
        if size != whole or at + 16 + size > len(data) or nanoseconds >= 10**9:
            raise ValueError(f"{path}: frame {len(found) + 1}: bad record")
        if (seconds, nanoseconds) < last:
            raise ValueError(f"{path}: frame {len(found) + 1}: time goes back")
        last = (seconds, nanoseconds)
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


def icrc(frame: bytes) -> int:
    """What the last four bytes should be, as a little-endian number."""
    masked = bytearray(frame[:-4])
    for at in VARIABLE:
        masked[at] = 0xFF
    return zlib.crc32(b"\xff" * 8 + masked[14:])


def carried(frame: bytes) -> int:
    return struct.unpack("<I", frame[-4:])[0]


def write_fault(frame: bytes) -> str:
    """What is wrong with the lengths of an RDMA WRITE Only; empty: nothing."""
    payload = len(frame) - HEADERS - RETH - (frame[43] >> 4 & 3)
    announced = struct.unpack_from(">I", frame, 66)[0] if payload > 0 else 0
    return "" if 0 < payload == announced else f"RETH announces {announced} bytes, the payload has {payload}"


def decoded(path: str, count: int) -> list[dict[str, str]]:
    command = ["tshark", "-n", "-r", path, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=\t",
               "-E", "occurrence=a", "-E", "aggregator=;"]
    for field in FIELDS:
        command += ["-e", field]
    done = None
    guesses = list(GUESSES)
    while done is None:
        off = [word for guess in guesses for word in ("--disable-heuristic", guess)]
        done = subprocess.run(command + off, capture_output=True, text=True, check=False)
        # A tshark without one of these names need not disable it.
        if missing := re.search(r"No such protocol (\w+), can't disable", done.stderr):
            guesses.remove(missing.group(1))
            done = None
    if done.returncode != 0:
        raise ValueError(f"{path}: tshark: {done.stderr.strip()}")
    rows = [dict(zip(FIELDS, line.split("\t"))) for line in done.stdout.splitlines()]
    if len(rows) != count:
        raise ValueError(f"{path}: tshark sees {len(rows)} frames, there are {count}")
    return rows


def fault(frame: bytes, row: dict[str, str]) -> str:
    """What is wrong with a frame; empty: nothing."""
    if len(frame) < HEADERS or ":infiniband" not in row["frame.protocols"]:
        return f"not RoCEv2: {row['frame.protocols']}"
    if not row["infiniband.bth.opcode"]:
        return "no base transport header"
    if icrc(frame) != carried(frame):
        return f"ICRC is 0x{carried(frame):08x}, should be 0x{icrc(frame):08x}"
    if int(row["infiniband.bth.opcode"].split(";")[0], 0) != frame[42]:
        return f"tshark finds opcode {row['infiniband.bth.opcode']}, it is {frame[42]}"
    if frame[42] == WRITE_ONLY and (what := write_fault(frame)):
        return what
    severities = [int(s, 0) for s in row["_ws.expert.severity"].split(";") if s]
    if row["_ws.malformed"] or any(s >= NOTE for s in severities):
        return f"tshark: {row['_ws.malformed'] or row['_ws.expert.message']}"
    # tshark shows the four bytes in the order of the frame.
    if int(row["infiniband.invariant.crc"].split(";")[0], 0) != int.from_bytes(frame[-4:], "big"):
        return f"tshark finds the ICRC {row['infiniband.invariant.crc']} elsewhere"
    return ""


def self_test() -> int:
    assert zlib.crc32(b"123456789") == 0xCBF43926
    frame = bytearray(range(66))
    frame[-4:] = struct.pack("<I", icrc(bytes(frame)))
    assert icrc(bytes(frame)) == carried(bytes(frame))
    for at in range(14, len(frame)):
        frame[at] ^= 1
        same = icrc(bytes(frame)) == carried(bytes(frame))
        assert same == (at in VARIABLE), at
        frame[at] ^= 1
    write = bytearray(HEADERS + RETH + 12)
    write[42], write[43], write[69] = WRITE_ONLY, 0x70, 9
    assert write_fault(bytes(write)) == ""
    for at in range(66, 70):
        write[at] ^= 1
        assert write_fault(bytes(write)) != ""
        write[at] ^= 1
    assert write_fault(bytes(HEADERS + RETH)) != ""
    return 0


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        return self_test()
    wanted: int | None = 0
    if arguments[:1] == ["--bad"] and len(arguments) > 1 and (arguments[1] == "any" or arguments[1].isdigit()):
        wanted = None if arguments[1] == "any" else int(arguments[1])
        arguments = arguments[2:]
    if not arguments or any(a.startswith("-") for a in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    if shutil.which("tshark") is None:
        print("pcap_check.py: SKIPPED: no tshark (Debian package tshark)", file=sys.stderr)
        return 77
    bad = 0
    try:
        for path in arguments:
            captured = frames(path)
            if not captured:
                raise ValueError(f"{path}: no frame")
            here = 0
            for number, (frame, row) in enumerate(zip(captured, decoded(path, len(captured))), 1):
                if what := fault(frame, row):
                    print(f"{path}: frame {number}: {what}")
                    here += 1
            print(f"{path}: {len(captured)} frames, {here} bad")
            bad += here
    except (OSError, ValueError, struct.error) as error:
        print(f"pcap_check.py: {error}", file=sys.stderr)
        return 1
    if wanted is not None and bad != wanted:
        print(f"pcap_check.py: {bad} bad frames, there should be {wanted}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
