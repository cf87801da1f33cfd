# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Tasks of celery, and what its pool processes need so that one of them can be ended without an effect on its task."""

import os
import signal
import time

from billiard.process import current_process
from celery import Celery
from celery.signals import worker_process_init
from redis import Redis

MIB = 1 << 20
LEAK = int(float(os.environ.get("LEAK_MIB", "1")) * MIB)
WORK = float(os.environ.get("WORK_SECONDS", "0.1"))
BROKER = os.environ.get("BROKER", "redis://redis:6379/0")
KEPT = []

app = Celery("tasks", broker=BROKER)
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    # A task is taken back by the broker only when it is done: one whose process was killed is run again, not lost.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # A new process that is not up in time is killed; 4 s are not enough for an emulated machine.
    worker_proc_alive_timeout=120,
)
store = Redis.from_url(BROKER)


@app.task
def leak(run, number, mib=None):
    """Notes in Redis that it began, and that it is done."""
    store.hincrby(f"{run}:begun", number, 1)
    KEPT.append(b"\x5a" * (LEAK if mib is None else int(mib * MIB)))
    time.sleep(WORK)
    store.pipeline().hincrby(f"{run}:done", number, 1).hsetnx(f"{run}:at", number, time.time()).execute()


if os.environ.get("GRACEFUL", "1") == "1":
    @worker_process_init.connect
    def end_between_tasks(**_):
        """celery ends a pool process in the middle of its task on SIGTERM. This ends it between two tasks."""
        worker = current_process()._target  # billiard.pool.Worker
        receive = worker.wait_for_job
        state = {"leaving": False, "waiting": False}

        def on_term(*_):
            state["leaving"] = True
            if state["waiting"]:
                raise SystemExit(0)

        def wait_for_job():
            # Here and not earlier: after worker_process_init billiard sets handlers of its own.
            signal.signal(signal.SIGTERM, on_term)
            if state["leaving"]:
                raise SystemExit(0)
            state["waiting"] = True
            try:
                return receive()
            finally:
                state["waiting"] = False

        worker.wait_for_job = wait_for_job
