# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Application of uvicorn: as wsgi.py."""

import asyncio
import os

MIB = 1 << 20
LEAK = int(float(os.environ.get("LEAK_MIB", "1")) * MIB)
WORK = float(os.environ.get("WORK_SECONDS", "0.02"))
KEPT = []


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/leak":
        KEPT.append(b"\x5a" * LEAK)
    await asyncio.sleep(WORK)
    body = b"%d\n" % os.getpid()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
