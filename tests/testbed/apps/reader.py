# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the guest's files for the tests: one process for all looks. Starting `cat` costs an emulated machine a fifth of a second.

Usage: reader.py SOCKET. A request is a line of JSON, {"path": ..., "from": BYTES}; the answer a line with {"size": N}, and N bytes, or
{"errno": E}.
"""

import json
import os
import socket
import sys
import threading


def answer(words):
    try:
        with open(words["path"], "rb", buffering=0) as file:
            if words["from"]:
                file.seek(words["from"])
            parts = []
            while part := file.read(1 << 20):
                parts.append(part)
            text = b"".join(parts)
        return json.dumps({"size": len(text)}).encode() + b"\n" + text
    except OSError as error:
        return json.dumps({"errno": error.errno}).encode() + b"\n"


def serve(client):
    with client, client.makefile("rb") as lines:
        for line in lines:
            client.sendall(answer(json.loads(line)))


def main(path):
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


main(sys.argv[1])
