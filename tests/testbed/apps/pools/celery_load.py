#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A constant load of celery tasks, and whether each of them was done once. Runs in a container of the pool's image; as load.py otherwise.

Counted: sent; ok (done); lost (never done, and the broker does not have it); waiting (the broker still has it); twice (done more than once:
an effect that came twice); again (begun more often than done: a task that was cut off and run again). A latency is from the moment at which a task was due to its end.
"""

import argparse
import json
import os
import signal
import threading
import time

from tasks import leak, store

#: How long the pool may take for what is left in the queue after the last task was sent. What is left then is waiting, not lost.
REST = 300.0
#: The broker's own: tasks that no process has yet, and those that were not acknowledged.
QUEUE, UNACKED = "celery", "unacked"


class Load:
    def __init__(self, options):
        self.options = options
        self.due = {}
        self.refused = 0
        self.stopped = threading.Event()

    def report(self, ended=False):
        run = self.options.run
        begun, done, at = ({int(k): float(v) for k, v in store.hgetall(f"{run}:{what}").items()} for what in ("begun", "done", "at"))
        found = sorted(at[n] - self.due[n] for n in at if n in self.due)
        missing = len(self.due) - len(done)
        waiting = store.llen(QUEUE) + store.hlen(UNACKED)
        shown = {"sent": len(self.due), "ok": len(done), "refused": self.refused,
                 "lost": max(0, missing - waiting) if ended else 0, "waiting": waiting,
                 "twice": sum(1 for count in done.values() if count > 1),
                 "again": sum(1 for n, count in begun.items() if count > max(1, done.get(n, 0))),
                 "ended": ended}
        for name, share in (("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("max_ms", 1.0)):
            shown[name] = round(1000 * found[min(len(found) - 1, int(share * len(found)))], 1) if found else None
        with open(self.options.out + ".part", "w") as file:
            json.dump(shown, file)
        os.replace(self.options.out + ".part", self.options.out)

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: self.stopped.set())
        due, end, reported = time.time(), time.time() + self.options.seconds, 0.0
        while not self.stopped.wait(max(0.0, due - time.time())) and time.time() < end:
            number = len(self.due)
            self.due[number] = due
            try:
                leak.delay(self.options.run, number, self.options.mib)
            except Exception:  # the broker is not reachable
                del self.due[number]
                self.refused += 1
            due += self.options.interval
            if time.time() - reported > 2:
                reported = time.time()
                self.report()
        rest = time.time() + REST
        while store.hlen(f"{self.options.run}:done") < len(self.due) and time.time() < rest:
            time.sleep(0.5)
            if store.llen(QUEUE) + store.hlen(UNACKED) == 0:  # what is not done by now is lost, but for what is done this moment
                rest = min(rest, time.time() + 5)
        self.report(ended=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="a name of its own in the store")
    parser.add_argument("--mib", type=float, help="what each task keeps (default: LEAK_MIB of the pool)")
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--out", required=True)
    Load(parser.parse_args()).run()


if __name__ == "__main__":
    main()
