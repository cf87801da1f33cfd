#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A pool of processes as one writes it by hand, and as it should not be: for what no real server does.

The parent forks WORKERS children that serve HTTP from one listening socket. --leak says where a request to /leak (or time, for the parent)
keeps memory; --respawn no: the parent does not replace a child; --on-term ignore: a child does not end at its signal.
"""

import argparse
import os
import signal
import socket
import time

MIB = 1 << 20
KEPT = []


def leak(options, number):
    if options.leak == "shared":
        with open(f"/dev/shm/leak-{os.getpid()}", "ab") as file:
            file.write(b"\x5a" * int(options.mib * MIB))
    elif options.leak == "child" or (options.leak == "first" and number == 0):
        KEPT.append(b"\x5a" * int(options.mib * MIB))


def serve(options, listener, number):
    leaving = []
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.on_term == "ignore" else lambda *_: leaving.append(1))
    listener.settimeout(0.2)
    while not leaving:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        with client:
            client.settimeout(10)
            request = b""
            while b"\r\n\r\n" not in request:
                part = client.recv(4096)
                if not part:
                    break
                request += part
            if request.startswith(b"GET /leak"):
                leak(options, number)
            time.sleep(0.02)
            body = b"%d\n" % os.getpid()
            client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--mib", type=float, default=1)
    parser.add_argument("--leak", choices=["child", "first", "parent", "shared"], default="child")
    parser.add_argument("--rate", type=float, default=10, help="MiB/s of a leak in the parent")
    parser.add_argument("--respawn", choices=["yes", "no"], default="yes")
    parser.add_argument("--on-term", choices=["leave", "ignore"], default="leave")
    options = parser.parse_args()
    listener = socket.create_server(("0.0.0.0", 8000), backlog=128)
    children = {}

    def fork(number):
        pid = os.fork()
        if pid == 0:
            try:
                serve(options, listener, number)
            finally:
                os._exit(0)
        children[pid] = number

    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    for number in range(options.workers):
        fork(number)
    begin, taken = time.monotonic() + 5, 0
    while not ended:
        pid, _ = os.waitpid(-1, os.WNOHANG) if children else (0, 0)
        if pid:
            number = children.pop(pid)
            if options.respawn == "yes":
                fork(number)
        if options.leak == "parent" and taken < options.rate * (time.monotonic() - begin):
            KEPT.append(b"\x5a" * MIB)
            taken += 1
        time.sleep(0.05)
    for pid in children:
        os.kill(pid, signal.SIGKILL if options.on_term == "ignore" else signal.SIGTERM)
    for pid in list(children):
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
