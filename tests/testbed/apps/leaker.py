#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A worker that leaks memory on purpose; same options as leaker.c.

Sizes are MiB and rates MiB/s of the whole container: they are divided between its workers.
"""

import argparse
import mmap
import os
import signal
import socket
import struct
import sys
import threading
import time

MIB = 1 << 20
STEP = 256 << 10
SLOT = struct.Struct("=QQQQ")  # now, bytes, signal seen, saved: one slot per worker, as in leaker.c
SLOTS = 16
ENDING = b"\nSAVED COMPLETELY\n"
WORKERS = {"single": 1, "procs4": 4, "threads8": 8}


class Heartbeat:
    def __init__(self, path):
        self._map = None
        if path:
            with open(path, "wb+") as file:
                file.truncate(SLOT.size * SLOTS)
                self._map = mmap.mmap(file.fileno(), SLOT.size * SLOTS)

    def beat(self, slot, taken):
        if self._map:
            struct.pack_into("=QQ", self._map, slot * SLOT.size, time.monotonic_ns(), taken)

    def saved(self, slot, signal_ns):
        if self._map:
            struct.pack_into("=QQ", self._map, slot * SLOT.size + 16, signal_ns, time.monotonic_ns())


class Worker:
    def __init__(self, options):
        self.options = options
        self.count = WORKERS[options.shape]
        self.heartbeat = Heartbeat(options.heartbeat)
        self.born = time.time_ns()
        self.terminate = False
        self.signal_ns = 0

    def install_handler(self):
        if self.options.handler == "save":
            signal.signal(signal.SIGTERM, self.on_term)
        elif self.options.handler == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def on_term(self, *_):
        self.signal_ns = self.signal_ns or time.monotonic_ns()
        self.terminate = True

    def leak(self, slot):
        """Grows until told to stop. The rate is of wall time: what a stall delayed is caught up."""
        o = self.options
        rate = o.rate * MIB / self.count
        base = int(o.base * MIB / self.count)
        stop = float("inf") if o.stop_at is None else o.stop_at * MIB / self.count
        kept, taken = [], 0
        while taken < base and not self.terminate:
            kept.append(b"\x5a" * STEP)  # not bytes(STEP): zeros would never be touched
            taken += STEP
        self.heartbeat.beat(slot, taken)
        begin = time.monotonic() + o.start_after
        while not self.terminate:
            now = time.monotonic()
            due = rate * max(0.0, now - begin)
            unthrottled = o.rate == 0 and now >= begin
            if taken + STEP <= stop and (unthrottled or taken - base + STEP <= due):
                kept.append(b"\x5a" * STEP)
                taken += STEP
            else:
                time.sleep(0.005)
            self.heartbeat.beat(slot, taken)
        return kept  # still alive while the work is being saved

    def save(self, slot):
        """What an application does with its last seconds: needs memory, writes, makes it durable."""
        while self.options.save_when and not os.path.exists(self.options.save_when):
            time.sleep(0.05)
        scratch = b"\xa5" * (8 * MIB)
        path = os.path.join(self.options.out, f"{socket.gethostname()}-{os.getpid()}-{self.born}.saved")
        with open(path, "wb") as file:
            file.write(scratch[: MIB - len(ENDING)] + ENDING)
            file.flush()
            os.fsync(file.fileno())
        self.heartbeat.saved(slot, self.signal_ns)
        return 0

    def run_single(self):
        _kept = self.leak(0)
        return self.save(0)

    def run_threads(self):
        kept = []
        threads = [threading.Thread(target=lambda slot=i: kept.append(self.leak(slot))) for i in range(self.count)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.02)  # the main thread runs the signal handler
        return self.save(0)

    def run_processes(self):
        """PID 1 of several workers: passes the stop on, and is content only if all of them were."""
        # Blocked until each process is ready: a stop during the forks must not get lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        children = set()
        for slot in range(self.count):
            pid = os.fork()
            if pid == 0:
                os._exit(self.child(slot))
            children.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        bad, forwarded = False, False
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                children.discard(pid)
                bad |= status != 0
                print(f"leaker: child {pid} ended with status {status:#x}", file=sys.stderr, flush=True)
                continue
            if self.terminate and not forwarded:
                forwarded = True
                for child in children:
                    os.kill(child, signal.SIGTERM)
            time.sleep(0.01)
        return int(bad)

    def child(self, slot):
        try:
            self.born = time.time_ns()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            _kept = self.leak(slot)
            return self.save(slot)
        except BaseException as error:  # a forked child must never return into the parent's code
            print(f"leaker: {error!r}", file=sys.stderr, flush=True)
            return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=10, help="MiB/s, 0 = as fast as it goes")
    parser.add_argument("--shape", choices=WORKERS, default="single")
    parser.add_argument("--handler", choices=["save", "default", "ignore"], default="save")
    parser.add_argument("--base", type=float, default=0, help="MiB held from the start")
    parser.add_argument("--start-after", type=float, default=3, help="seconds of calm before the leak")
    parser.add_argument("--stop-at", type=float, help="MiB at which the growth ends; the worker lives on")
    parser.add_argument("--save-when", help="a file that the handler waits for before it saves: a slow handler")
    parser.add_argument("--heartbeat", help="a file to map and to write the time and the size to")
    parser.add_argument("--out", default="/out")
    worker = Worker(parser.parse_args())
    worker.install_handler()
    run = {"single": worker.run_single, "procs4": worker.run_processes, "threads8": worker.run_threads}
    return run[worker.options.shape]()


if __name__ == "__main__":
    sys.exit(main())
