#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A web application that leaks, and a load balancer in front of its replicas. Standard library and nginx only.

serve: HTTP on port 8000; each request to another path than /health keeps LEAK MiB. /health answers 503 while FILE exists. SIGTERM closes the
listening socket, the requests in flight are answered, and it exits 0: what waits in the accept queue at that moment is lost, as with most
servers.

balance: nginx on port 80 in front of the replicas whose /health answers 200, checked every 0.3 s. Without one it answers 503; a request that
nginx loses to a replica is its 502 or 504, since it may not try another one. The statuses are logged to OUT.
"""

import argparse
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000
CHECK_EVERY = 0.3
CONFIGURATION = """
worker_processes 1;
error_log /dev/stderr warn;
pid /run/balanced.pid;
events {{ worker_connections 512; }}
http {{
  log_format status '$status $upstream_status';
  access_log {out} status;
  {upstream}
  server {{
    listen 80;
    location / {{ {answer} }}
  }}
}}
"""
PASS = "proxy_pass http://replicas; proxy_next_upstream off; proxy_connect_timeout 30s; proxy_read_timeout 60s;"


class Application(BaseHTTPRequestHandler):
    leak = 0.0
    drain_file = ""
    kept: list = []

    def do_GET(self):  # noqa: N802
        if self.path == "/health":
            return self.answer(503 if os.path.exists(self.drain_file) else 200)
        self.kept.append(b"\1" * int(self.leak * (1 << 20)))
        time.sleep(0.05)
        return self.answer(200)

    def answer(self, status):
        body = b"ok\n" if status == 200 else b"out\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(options):
    Application.leak, Application.drain_file = options.leak, options.file
    Application.kept.append(b"\1" * (options.base << 20))
    server = ThreadingHTTPServer(("", PORT), Application)
    server.daemon_threads = False
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    server.server_close()


def healthy(name):
    connection = http.client.HTTPConnection(name, PORT, timeout=10)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def configure(path, names, out):
    servers = " ".join(f"server {socket.gethostbyname(name)}:{PORT} max_fails=0;" for name in names)
    text = CONFIGURATION.format(out=out, upstream=f"upstream replicas {{ {servers} }}" if names else "",
                                answer=PASS if names else "return 503;")
    with open(path, "w") as file:
        file.write(text)


def balance(options):
    path = "/run/balanced.conf"
    configure(path, [], options.out)
    nginx = subprocess.Popen(["nginx", "-c", path, "-g", "daemon off;"])
    signal.signal(signal.SIGTERM, lambda *_: nginx.terminate())
    used = []
    while nginx.poll() is None:
        now = [name for name in options.replicas if healthy(name)]
        if now != used:
            try:
                configure(path, now, options.out)
            except OSError:  # its name is gone already
                continue
            nginx.send_signal(signal.SIGHUP)
            print("in use:", *now, flush=True)
            used = now
        time.sleep(CHECK_EVERY)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    server = commands.add_parser("serve")
    server.add_argument("--base", type=int, default=0, help="MiB that it holds from the start")
    server.add_argument("--leak", type=float, default=0, help="MiB that each request keeps")
    server.add_argument("--file", default="/dev/shm/drain")
    server.set_defaults(run=serve)
    balancer = commands.add_parser("balance")
    balancer.add_argument("--out", default="/out/statuses")
    balancer.add_argument("replicas", nargs="+")
    balancer.set_defaults(run=balance)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
