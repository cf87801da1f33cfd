# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of gunicorn (-c): what its gthread worker needs so that its graceful stop drops no connection.

Up to gunicorn 23 a gthread worker that has its stop signal accepts one more connection, and closes it unread
(https://github.com/benoitc/gunicorn/issues/3038). The other workers take that connection when this one does not.
"""


def post_worker_init(worker):
    accept = getattr(worker, "accept", None)
    if not hasattr(worker, "tpool"):  # another worker class
        return

    def accept_while_alive(server, listener):
        if worker.alive:
            accept(server, listener)

    worker.accept = accept_while_alive
