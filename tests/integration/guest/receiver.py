#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A webhook's target that behaves as its path says, and writes down what it was sent: one JSON object a line.

Usage: receiver.py PORT LOG [--tls CERTIFICATE KEY]
/good takes everything; /flaky answers 500 to about every second request; /never answers 400; /hang does not answer;
/loop redirects to itself; /endless answers 200 and a body without end; /half closes in the middle of its status line.
"""

from __future__ import annotations

import json
import random
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG = sys.argv[2]
LOCK = threading.Lock()
CHANCE = random.Random(1)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        behaviour = self.path.split("?")[0].strip("/").split("/")[0]
        status = {"flaky": CHANCE.choice([200, 500]), "never": 400, "loop": 302}.get(behaviour, 200)
        with LOCK, open(LOG, "a") as log:
            log.write(json.dumps({"path": self.path, "status": status, "headers": dict(self.headers), "body": body}) + "\n")
        if behaviour == "hang":
            time.sleep(3600)
        if behaviour == "half":
            self.wfile.write(b"HTTP/1.1 20")
            self.close_connection = True
            return
        self.send_response(status)
        if behaviour == "loop":
            self.send_header("Location", self.path)
        if behaviour == "endless":
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 4096)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
server.daemon_threads = True
if "--tls" in sys.argv:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[sys.argv.index("--tls") + 1:][:2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
