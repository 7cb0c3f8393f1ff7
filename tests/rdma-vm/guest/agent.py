#!/usr/bin/python3 -IS
# SPDX-License-Identifier: BSD-3-Clause
"""Runs what guest-rsh in other guests asks for; ends when guest 0 has ended.

A request is its name and the size of a command for the shell, a line each, and the command. The connection is then the command's
input and both its outputs; its exit code goes to the file rsh.NAME of the run's folder before the connection is closed.
"""
import os
import selectors
import socket
import subprocess
import threading

RUN = "/run/rdma-vm"
PORT = 514  # that of rsh; the protocol is not


def serve(connection):
    with connection:
        request = b""
        while request.count(b"\n") < 2:  # no byte further: what follows the command is its input
            byte = connection.recv(1)
            if not byte:
                return
            request += byte
        name, size = request.decode().split()
        command = connection.recv(int(size), socket.MSG_WAITALL).decode()
        code = subprocess.run(["bash", "-c", f". {RUN}/environment\n{command}"], stdin=connection, stdout=connection,
                              stderr=connection).returncode
        with open(f"{RUN}/rsh.{name}", "w") as file:
            file.write(str(code if code >= 0 else 128 - code))
        try:
            connection.shutdown(socket.SHUT_RDWR)  # children that are left behind have it open, too
        except OSError:
            pass


def main():
    listener = socket.create_server(("", PORT), backlog=64)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while not os.path.exists(f"{RUN}/exit.0"):
        if selector.select(0.1):
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=[connection], daemon=True).start()


if __name__ == "__main__":
    main()
