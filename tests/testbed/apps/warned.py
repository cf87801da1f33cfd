#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A worker that leaks and notes each warning that it gets: a POST, a SIGUSR1, or a command run beside it (--note).

One line per warning in OUT/warnings: CLOCK_MONOTONIC in nanoseconds, and how it came. Ends with 0 on SIGTERM.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

MIB = 1 << 20
STEP = 256 << 10


def note(out, how):
    with open(os.path.join(out, "warnings"), "a", encoding="ascii") as file:
        file.write(f"{time.monotonic_ns()} {how}\n")


def serve(out):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            note(out, f"http {self.path}")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    threading.Thread(target=HTTPServer(("", 8000), Handler).serve_forever, daemon=True).start()


def listen_without_answering():
    """The kernel takes the connection; nobody ever reads from it."""
    deaf = socket.create_server(("", 8000))
    return deaf


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5, help="MiB/s")
    parser.add_argument("--base", type=float, default=0, help="MiB held from the start")
    parser.add_argument("--start-after", type=float, default=3, help="seconds of calm before the leak")
    parser.add_argument("--deaf", action="store_true", help="accept connections, never answer")
    parser.add_argument("--note", metavar="HOW", help="note a warning and end: what an exec runs")
    parser.add_argument("--out", default="/out")
    options = parser.parse_args()
    if options.note:
        note(options.out, options.note)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: note(options.out, "signal"))
    _deaf = listen_without_answering() if options.deaf else serve(options.out)
    kept, taken, begin = [], 0, None
    while True:
        if begin is None and taken >= options.base * MIB:
            begin = time.monotonic() + options.start_after
        due = 0 if begin is None else options.rate * MIB * (time.monotonic() - begin)
        if begin is None or taken - options.base * MIB + STEP <= due:
            kept.append(b"\x5a" * STEP)  # not bytes(STEP): zeros would never be touched
            taken += STEP
        else:
            time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
