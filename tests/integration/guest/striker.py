#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Runs in the guest: sends a signal the moment a container's cgroup shows a given step, and watches who stands still after that.

The step is read from the kernel, not from the governor's log: the log comes through a pipe, a shim and dockerd, and is late.
Prints one JSON object: when it struck, when the struck process was gone, and every time the container or its hold was frozen
(CLOCK_MONOTONIC, nanoseconds), with the longest gap between two looks as the measure of how exact that is.
"""

import argparse
import json
import os
import select
import signal
import sys
import time

HOLD = "governor-hold"
MARK = "user.governor"


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def frozen(scope):
    return read(f"{scope}/cgroup.freeze").strip() == "1" or "frozen 1" in read(f"{scope}/cgroup.events")


def tripped(scope, before):
    return "high " in before and read(f"{scope}/memory.events") != before


def mark(scope):
    try:
        return os.getxattr(scope, MARK).decode()
    except OSError:
        return ""


class Watch:
    """Who stands still, as intervals."""

    def __init__(self, scope):
        self.folders = {"container": scope, "hold": f"{scope}/{HOLD}"}
        self.intervals, self.open, self.last, self.gap = [], {}, time.monotonic_ns(), 0

    def look(self):
        begun = time.monotonic_ns()
        self.gap = max(self.gap, begun - self.last)
        self.last = begun
        for name, folder in self.folders.items():
            if frozen(folder):
                self.open.setdefault(name, begun)
            elif name in self.open:
                self.intervals.append([name, self.open.pop(name), time.monotonic_ns()])

    def all(self):
        return self.intervals + [[name, begun, None] for name, begun in self.open.items()]


def reached(step, options, events_before):
    if step == "now":
        return True
    if step == "tripped":
        return tripped(options.scope, events_before)
    if step == "frozen":
        return frozen(options.scope)
    if step == "signalled":  # the hold is made after the stop was asked for
        return frozen(options.scope) and read(f"{options.scope}/{HOLD}/cgroup.procs") != ""
    return mark(options.scope).startswith("signalled") and not frozen(options.scope)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", choices=["now", "tripped", "frozen", "signalled", "draining"], required=True)
    parser.add_argument("--scope", required=True, help="the container's cgroup")
    parser.add_argument("--pid", type=int, required=True, help="the container's PID 1, as the host sees it")
    parser.add_argument("--strike", type=int, required=True, help="whom to signal")
    parser.add_argument("--signal", default="SIGKILL")
    parser.add_argument("--wait", type=float, default=90, help="seconds for the step to come")
    parser.add_argument("--after", type=float, default=4, help="seconds to go on watching")
    options = parser.parse_args()
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # before whatever else the emulated guest is busy with
    victim = os.pidfd_open(options.strike)
    watch, before = Watch(options.scope), read(f"{options.scope}/memory.events")
    print("ready", flush=True)
    deadline = time.monotonic() + options.wait
    while not reached(options.step, options, before):
        if time.monotonic() > deadline:
            print(json.dumps({"error": f"the step '{options.step}' did not come"}))
            return 1
        time.sleep(0.001)
    watch.look()
    watch.gap = 0
    if options.step == "signalled":  # as Docker does, but at a moment that we know
        os.kill(options.pid, signal.SIGTERM)
    signal.pidfd_send_signal(victim, signal.Signals[options.signal])
    struck = time.monotonic_ns()
    died, high = None, ""
    if options.signal == "SIGSTOP":  # it does not die of that
        died = struck
    while died is None or time.monotonic_ns() < died + options.after * 1e9:
        if died is None and select.select([victim], [], [], 0)[0]:
            died = time.monotonic_ns()
            high = read(f"{options.scope}/memory.high").strip()
        watch.look()
        time.sleep(0.002)
    print(json.dumps({"step": options.step, "struck": struck, "died": died, "gap": watch.gap, "frozen": watch.all(),
                      "high": high}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
