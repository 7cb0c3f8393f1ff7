# SPDX-License-Identifier: BSD-3-Clause
"""A learning Ethernet switch between guests, with an optional capture of all frames.

QEMU's stream netdev connects to a Unix socket and sends each frame after its length in four bytes, big endian.
"""
import os
import selectors
import socket
import struct
import threading
import time

QUEUE_BYTES = 4 << 20  # waiting for one port; what comes beyond is dropped and counted, as a switch does
MAX_FRAME = 1 << 16


class _Port:
    def __init__(self, connection):
        self.connection = connection
        self.received = bytearray()
        self.waiting = bytearray()


class Switch:
    """Listens at `path`; each connection is a port. Frames go to `pcap` too (a path) when it is given.

    start() runs it in a thread of its own; close() ends it and returns. .frames and .dropped count.
    """

    def __init__(self, path, pcap=None):
        self.frames = 0
        self.dropped = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = os.pipe()[::-1]
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._ports = []
        self._learnt = {}
        self._pcap = open(pcap, "wb") if pcap else None
        if self._pcap:
            self._pcap.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, MAX_FRAME, 1))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self._thread.start()

    def close(self):
        os.close(self._wake)
        self._thread.join()
        for port in self._ports:
            port.connection.close()
        self._listener.close()
        os.close(self._woken)
        if self._pcap:
            self._pcap.close()

    def _serve(self):
        while True:
            for key, events in self._selector.select():
                if key.fileobj == self._woken:
                    return
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    connection.setblocking(False)
                    port = _Port(connection)
                    self._ports.append(port)
                    self._selector.register(connection, selectors.EVENT_READ, port)
                    continue
                if events & selectors.EVENT_WRITE:
                    self._flush(key.data)
                if events & selectors.EVENT_READ and key.data in self._ports:
                    self._receive(key.data)

    def _drop_port(self, port):
        self._selector.unregister(port.connection)
        port.connection.close()
        self._ports.remove(port)
        self._learnt = {address: at for address, at in self._learnt.items() if at is not port}

    def _receive(self, port):
        try:
            data = port.connection.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop_port(port)
            return
        received = port.received
        received += data
        start = 0
        while len(received) - start >= 4:
            size = int.from_bytes(received[start:start + 4], "big")
            if len(received) - start < 4 + size:
                break
            self._forward(port, bytes(received[start:start + 4 + size]))
            start += 4 + size
        del received[:start]

    def _forward(self, port, packet):
        """One frame with its length before it."""
        self.frames += 1
        if self._pcap:
            now = time.time_ns() // 1000
            size = len(packet) - 4
            self._pcap.write(struct.pack("<IIII", now // 1000000, now % 1000000, size, size) + packet[4:])
        target, source = packet[4:10], packet[10:16]
        self._learnt[source] = port
        known = None if target[0] & 1 else self._learnt.get(target)
        for other in [known] if known else list(self._ports):
            if other is port:
                continue
            if len(other.waiting) > QUEUE_BYTES:
                self.dropped += 1
                continue
            other.waiting += packet
            self._flush(other)

    def _flush(self, port):
        try:
            sent = port.connection.send(port.waiting) if port.waiting else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop_port(port)
            return
        del port.waiting[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if port.waiting else 0)
        if self._selector.get_key(port.connection).events != events:
            self._selector.modify(port.connection, events, port)
