# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Application of gunicorn: each request to /leak keeps LEAK_MIB mebibytes in the worker process that served it."""

import os
import time

MIB = 1 << 20
LEAK = int(float(os.environ.get("LEAK_MIB", "1")) * MIB)
WORK = float(os.environ.get("WORK_SECONDS", "0.02"))
KEPT = []


def application(environ, start_response):
    if environ["PATH_INFO"] == "/leak":
        KEPT.append(b"\x5a" * LEAK)  # not bytes(LEAK): pages of zeros would never be touched
    time.sleep(WORK)  # a request that waits for a database
    body = b"%d\n" % os.getpid()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
