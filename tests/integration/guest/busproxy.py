#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Stands between one client and the system bus, and spoils what systemd is asked.

A policy of the bus itself cannot do that for the governor alone: Docker's runc sets the same properties, over the same bus, as the
same user, and without them no container starts. Messages are as in the D-Bus specification, "Message Format".
"""

import argparse
import os
import select
import socket
import struct
import threading

SYSTEMD = "org.freedesktop.systemd1"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)
CALL, ERROR = 1, 3
NO_REPLY_EXPECTED = 1


def align(offset, to):
    return (offset + to - 1) // to * to


def fields_of(data, order):
    """The header fields that are strings or numbers, which all that are looked at are."""
    (length,) = struct.unpack_from(order + "I", data, 12)
    at, end, found = 16, 16 + length, {}
    while at < end:
        at = align(at, 8)
        code, kind = data[at], chr(data[at + 2])
        at += 4  # code, length and text of the signature, its NUL
        if kind == "g":
            size = data[at]
            found[code] = data[at + 1:at + 1 + size].decode()
            at += size + 2
        else:
            at = align(at, 4)
            (value,) = struct.unpack_from(order + "I", data, at)
            at += 4
            if kind in "so":
                found[code] = data[at:at + value].decode()
                at += value + 1
            else:
                found[code] = value
    return found


class Message:
    def __init__(self, data):
        self.data = data
        self.order = "<" if data[0:1] == b"l" else ">"
        self.kind, self.flags = data[1], data[2]
        (self.serial,) = struct.unpack_from(self.order + "I", data, 8)
        self.fields = fields_of(data, self.order)

    @staticmethod
    def size(data):
        """Of the message at the start of `data`; None when not enough of it has come."""
        if len(data) < 16:
            return None
        order = "<" if data[0:1] == b"l" else ">"
        body, _, fields = struct.unpack_from(order + "III", data, 4)
        whole = align(16 + fields, 8) + body
        return whole if len(data) >= whole else None


def refusal(call, serial):
    """What the bus answers when its policy forbids a call."""
    def text(value):
        return struct.pack("<I", len(value)) + value.encode() + b"\0"

    def field(code, kind, value):
        return bytes([code, 1]) + kind.encode() + b"\0" + value

    out = b""
    for part in (field(ERROR_NAME, "s", text(DENIED)), field(REPLY_SERIAL, "u", struct.pack("<I", call.serial)),
                 field(SENDER, "s", text("org.freedesktop.DBus")), field(SIGNATURE, "g", b"\1s\0")):
        out += b"\0" * (align(len(out), 8) - len(out)) + part
    body = text(f"Rejected send message, {call.fields.get(MEMBER)} to {call.fields.get(DESTINATION)}: denied by the test bed")
    header = struct.pack("<cBBBII", b"l", ERROR, NO_REPLY_EXPECTED, 1, len(body), serial) + struct.pack("<I", len(out)) + out
    return header + b"\0" * (align(len(header), 8) - len(header)) + body


class Session:
    def __init__(self, client, options):
        self.client, self.options = client, options
        self.bus = socket.socket(socket.AF_UNIX)
        self.bus.connect(options.bus)
        self.lock = threading.Lock()
        self.serial = 0x40000000  # far from what the bus itself numbers

    def run(self):
        pending, authenticated = b"", False
        try:
            while True:
                for ready in select.select([self.client, self.bus], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    if ready is self.bus:
                        with self.lock:
                            self.client.sendall(data)
                        continue
                    pending += data
                    if not authenticated:
                        begin = pending.find(b"BEGIN\r\n")
                        length = len(pending) if begin < 0 else begin + 7
                        self.bus.sendall(pending[:length])
                        pending, authenticated = pending[length:], begin >= 0
                    while authenticated and (size := Message.size(pending)):
                        self.forward(Message(pending[:size]))
                        pending = pending[size:]
        except OSError:
            pass
        finally:
            self.client.close()
            self.bus.close()

    def forward(self, message):
        asked = message.kind == CALL and message.fields.get(DESTINATION) == SYSTEMD
        if asked and self.options.late:
            # Timer threads keep the order only when the delay is the same for all, as it is here.
            threading.Timer(self.options.late, self.deliver, [message.data]).start()
        elif asked and message.fields.get(MEMBER) == self.options.refuse:
            self.serial += 1
            with self.lock:
                self.client.sendall(refusal(message, self.serial))
        else:
            self.deliver(message.data)

    def deliver(self, data):
        try:
            self.bus.sendall(data)
        except OSError:
            pass  # the client has gone meanwhile


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--bus", default="/run/dbus/system_bus_socket")
    parser.add_argument("--refuse", help="a method of systemd's: every call of it is denied")
    parser.add_argument("--late", type=float, default=0, help="seconds by which every call to systemd is delayed")
    options = parser.parse_args()
    part = options.listen + ".part"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(part)
    os.chmod(part, 0o666)
    listener.listen()
    os.rename(part, options.listen)  # who finds it can connect to it
    while True:
        client, _ = listener.accept()
        threading.Thread(target=Session(client, options).run, daemon=True).start()


if __name__ == "__main__":
    main()
