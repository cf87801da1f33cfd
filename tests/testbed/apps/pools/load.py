#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A constant load of plain HTTP: clients that reuse their connections, as proxies and browsers do.

Each client has a request due every INTERVAL seconds. What is late is not left out: a latency counts from the moment at which the request was
due. Counted: ok; refused (no connection); broken (a connection that ended before the whole answer); failed (an answer of 5xx). A reused
connection that the server closed before the first byte of the answer is tried again on a new one, as RFC 9110 (9.3.1) lets clients do and
as they do; that is counted as retried.

Writes a JSON object to OUT each second, and a last time ("ended": true) at SIGTERM or after SECONDS.
"""

import argparse
import json
import os
import signal
import socket
import threading
import time

TIMEOUT = 60.0
CONNECT_TIMEOUT = 3.0
#: A client that is later than this begins a new schedule: the load stays bounded.
MOST_LATE = 2.0


class Refused(Exception):
    pass


class Broken(Exception):
    pass


class Closed(Exception):
    """A reused connection ended before the first byte of the answer."""


class Connection:
    def __init__(self, address):
        self.address = address
        self.socket = None

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def get(self, path):
        """The status of the answer."""
        reused = self.socket is not None
        if not reused:
            try:
                self.socket = socket.create_connection(self.address, timeout=CONNECT_TIMEOUT)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.socket.settimeout(TIMEOUT)
            except OSError as error:
                self.socket = None
                raise Refused(str(error)) from None
        answer = b""
        try:
            self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.address[0]}\r\n\r\n".encode())
            while not whole(answer):
                part = self.socket.recv(65536)
                if not part:
                    if answer and length(answer) is None:  # ended by its end
                        break
                    raise OSError("end of connection")
                answer += part
        except OSError as error:
            self.close()
            if reused and not answer:
                raise Closed from None
            raise Broken(f"{type(error).__name__} {error} after {len(answer)} bytes") from None
        head = answer.split(b"\r\n\r\n", 1)[0].lower()
        if b"connection: close" in head or length(answer) is None:
            self.close()
        return int(answer.split(b" ", 2)[1])


def length(answer):
    """Bytes of the whole answer; -1: chunked; None: until the connection ends."""
    head, _, _ = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(head) + 4 + int(value)
        if name == b"transfer-encoding" and b"chunked" in value:
            return -1
    return None


def whole(answer):
    if b"\r\n\r\n" not in answer:
        return False
    size = length(answer)
    if size == -1:
        return answer.endswith(b"0\r\n\r\n")
    return size is not None and len(answer) >= size


class Load:
    def __init__(self, options):
        host, _, port = options.target.rpartition(":")
        self.address = (host, int(port))
        self.options = options
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.counts = dict.fromkeys(("ok", "refused", "broken", "failed", "retried", "skipped"), 0)
        self.latencies = []
        self.pids = set()
        self.complaints = []

    def count(self, what, detail=""):
        with self.lock:
            self.counts[what] += 1
            if detail and len(self.complaints) < 50:
                self.complaints.append(f"{time.time():.3f} {what} {detail}")

    def once(self, connection):
        for _ in range(4):  # several idle connections of a client may have been closed
            try:
                status = connection.get(self.options.path)
                if status < 500:
                    return "ok", ""
                return "failed", str(status)
            except Closed:
                self.count("retried")
            except Refused as error:
                return "refused", str(error)
            except Broken as error:
                return "broken", str(error)
        return "broken", "closed again and again"

    def client(self, number):
        connection = Connection(self.address)
        due = time.monotonic() + self.options.interval * number / self.options.clients
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            what, detail = self.once(connection)
            now = time.monotonic()
            self.count(what, detail)
            if what == "ok":
                with self.lock:
                    self.latencies.append(now - due)
            due += self.options.interval
            if now - due > MOST_LATE:
                self.count("skipped")
                due = now

    def report(self, ended=False):
        with self.lock:
            found = sorted(self.latencies)
            shown = {**self.counts, "complaints": self.complaints, "ended": ended}
        for name, share in (("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("max_ms", 1.0)):
            shown[name] = round(1000 * found[min(len(found) - 1, int(share * len(found)))], 1) if found else None
        with open(self.options.out + ".part", "w") as file:
            json.dump(shown, file)
        os.replace(self.options.out + ".part", self.options.out)

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: self.stopped.set())
        clients = [threading.Thread(target=self.client, args=(n,)) for n in range(self.options.clients)]
        for thread in clients:
            thread.start()
        end = time.monotonic() + self.options.seconds
        while not self.stopped.wait(1.0) and time.monotonic() < end:
            self.report()
        self.stopped.set()
        for thread in clients:
            thread.join()
        self.report(ended=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="HOST:PORT")
    parser.add_argument("--path", default="/leak")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--interval", type=float, default=0.2)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--out", required=True)
    Load(parser.parse_args()).run()


if __name__ == "__main__":
    main()
