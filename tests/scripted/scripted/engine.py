# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted Docker Engine: HTTP on a unix socket, one thread for each connection."""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

API = "1.45"


@dataclass
class Request:
    method: str
    path: str  # without the version prefix and the query
    query: dict[str, str]
    body: dict


class Answer(Exception):
    """Raised or returned by a handler: status and JSON body."""

    def __init__(self, status: int, body: object = None):
        super().__init__(status)
        self.status, self.body = status, body


@dataclass
class Engine:
    """The engine of a host. `containers` maps ids to objects with `inspect()`, `summary()`, `restart()`, `start()`, `update()`."""

    socket: Path
    containers: dict = field(default_factory=dict)
    memory: int = 8 << 30
    driver: str = "systemd"
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._hanging: dict[str, threading.Event] = {}
        self._errors: dict[str, Answer] = {}
        self._events: list[dict] = []
        self._new_event = threading.Condition(self.lock)
        self._closed = threading.Event()
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802
                engine._serve(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

            def address_string(self) -> str:
                return "unix"

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                pass  # the daemon may close a connection at any time

        self._server = Server(str(self.socket), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    # ---- what a test scripts

    def hang(self, what: str) -> None:
        """Requests whose "METHOD /path" matches the regular expression get no answer until `answer_again`."""
        with self.lock:
            self._hanging[what] = threading.Event()

    def answer_again(self) -> None:
        with self.lock:
            for event in self._hanging.values():
                event.set()
            self._hanging.clear()

    def fail(self, what: str, status: int, message: str) -> None:
        """Requests that match get this error."""
        with self.lock:
            self._errors[what] = Answer(status, {"message": message})

    def emit(self, action: str, container: object, kind: str = "container", **attributes: str) -> None:
        """Sends an event to every open stream, and keeps it for `since`."""
        with self.lock:
            self.emit_raw({"Type": kind, "Action": action, "scope": "local", "time": int(time.time()), "timeNano": time.time_ns(),
                           "Actor": {"ID": container.id if kind == "container" else "network0",
                                     "Attributes": {**container.event_attributes(), **attributes}}})

    def emit_raw(self, event: dict) -> None:
        with self._new_event:
            self._events.append(event)
            self._new_event.notify_all()

    def count(self, method: str, pattern: str) -> int:
        """How many requests so far match."""
        with self.lock:
            return sum(r.method == method and re.search(pattern, r.path) is not None for r in self.requests)

    def close(self) -> None:
        self._closed.set()
        self.answer_again()
        with self._new_event:
            self._new_event.notify_all()
        self._server.shutdown()
        self._server.server_close()

    # ---- serving

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path = re.sub(r"^/v[0-9.]+/", "/", parts.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else {}
        request = Request(handler.command, path, {k: v[-1] for k, v in parse_qs(parts.query).items()}, body)
        with self.lock:
            self.requests.append(request)
            name = f"{request.method} {request.path}"
            waiting = next((event for pattern, event in self._hanging.items() if re.search(pattern, name)), None)
            error = next((answer for pattern, answer in self._errors.items() if re.search(pattern, name)), None)
        if waiting is not None:
            waiting.wait()
            if self._closed.is_set():
                return
        if error is not None:
            return self._send(handler, error)
        if path == "/events":
            return self._stream(handler, request)
        try:
            answer = self._answer(request)
        except Answer as raised:
            answer = raised
        self._send(handler, answer)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        handler.send_response(answer.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Api-Version", API)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _answer(self, request: Request) -> Answer:
        if request.path == "/_ping":
            return Answer(200, "OK")
        if request.path == "/version":
            return Answer(200, {"Version": "26.1.5", "ApiVersion": API, "MinAPIVersion": "1.24", "KernelVersion": "6.12.0"})
        if request.path == "/info":
            return Answer(200, {"ID": "engine0", "Name": "scripted", "CgroupDriver": self.driver, "CgroupVersion": "2",
                                "MemTotal": self.memory, "Warnings": [], "SecurityOptions": []})
        if request.path == "/containers/json":
            with self.lock:
                return Answer(200, [c.summary() for c in self.containers.values()])
        found = re.fullmatch(r"/containers/([^/]+)/(json|update|restart|start|stop)", request.path)
        if found is None:
            return Answer(404, {"message": f"page not found: {request.path}"})
        with self.lock:
            container = self.containers.get(found[1])
        if container is None:
            return Answer(404, {"message": f"No such container: {found[1]}"})
        call: dict[str, Callable[[Request], object]] = {"json": lambda _: container.inspect(), "update": container.update,
                                                        "restart": container.restart, "start": container.start,
                                                        "stop": container.stop}
        result = call[found[2]](request)
        return Answer(200 if result is not None else 204, result)

    def _stream(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        since = float(request.query.get("since", "1e18")) * 1e9
        next_event = 0
        while not self._closed.is_set():
            with self._new_event:
                fresh = [e for e in self._events[next_event:] if e["timeNano"] >= since]
                next_event = len(self._events)
                if not fresh:
                    self._new_event.wait(0.2)
                    continue
            for event in fresh:
                line = json.dumps(event).encode() + b"\n"
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                handler.wfile.flush()
