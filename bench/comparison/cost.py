# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What watching costs: CPU, memory and system calls of the governor, and of any other daemon, over the same cgroups.

For each number of cgroups: they are made, the daemons are started (each as a systemd unit of its own in the guest), and
after they have settled two windows are measured: `quiet`, in which nothing happens, and `busy`, in which one cgroup in ten
works. One JSON line for each unit and window, written as each window ends; what the file has already is not measured again.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from testbed.cli import restore
from testbed.guest import Guest
from testbed.wait import until

from . import cgroups
from .store import Store

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = "/opt/cost/root"
UNIT = "cost-governor"
POLICY = """
version: 1
services:
  worker:
    match: { project: cost, service: "worker-*" }
    memory: { hard: 16MiB, swap: 0, tripwire: 90% }
    near_oom:
      when: { any: [ { unreclaimable: 90% } ] }
      warn: { when: { all: [ { unreclaimable: 75% }, { eta: 30s } ] }, http: "http://worker:8000/memory-warning" }
      do: graceful_restart
      drain: { grace: from_container, on_timeout: kill }
    restart: { backoff: { from: 1s, to: 5m }, breaker: { restarts: 5, within: 10m, then: quarantine } }
"""

# Runs in the guest: the counters of units, as one JSON object. Children that were started within the unit count too.
PROBE = r"""
import json, os, subprocess, sys, time
def fields(text):
    return dict(line.split(None, 1) for line in text.splitlines() if len(line.split(None, 1)) == 2)
def read(path):
    try:
        return open(path).read()
    except OSError:
        return ""
out = {}
for unit in sys.argv[1:]:
    folder = "/sys/fs/cgroup/system.slice/" + unit + ".service/"
    total = {"cpu_usec": int(fields(read(folder + "cpu.stat")).get("usage_usec", 0)),
             "cgroup_bytes": int(read(folder + "memory.current") or 0), "processes": 0, "fds": 0}
    for key in ("kernel", "slab", "sock"):
        total["cgroup_" + key] = int(fields(read(folder + "memory.stat")).get(key, 0))
    main = subprocess.run(["systemctl", "show", "-P", "MainPID", unit], capture_output=True, text=True).stdout.strip()
    for pid in read(folder + "cgroup.procs").split():
        status = fields(read(f"/proc/{pid}/status"))
        rollup = fields(read(f"/proc/{pid}/smaps_rollup"))
        total["processes"] += 1
        total["fds"] += len(os.listdir(f"/proc/{pid}/fd"))
        for key in ("VmRSS", "RssAnon", "VmHWM"):
            kib = int(status.get(key + ":", "0").split()[0])
            total[key] = total.get(key, 0) + kib
            if pid == main:
                total["main_" + key] = kib
        total["Pss"] = total.get("Pss", 0) + int(rollup.get("Pss:", "0").split()[0])
        ticks = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
        total["ticks"] = total.get("ticks", 0) + int(ticks[11]) + int(ticks[12])
        total["reads"] = total.get("reads", 0) + int(fields(read(f"/proc/{pid}/io")).get("syscr:", 0))
        for task in os.listdir(f"/proc/{pid}/task"):
            text = fields(read(f"/proc/{pid}/task/{task}/status"))
            total["wakes"] = total.get("wakes", 0) + int(text.get("voluntary_ctxt_switches:", 0))
    out[unit] = total
print(json.dumps({"at": time.clock_gettime(time.CLOCK_MONOTONIC), "units": out}))
"""


@dataclass(frozen=True)
class Usage:
    """What one unit used over one window; memory as it was at the window's end, in KiB."""

    unit: str
    seconds: float
    cpu_s: float
    ticks: int
    wakes: int
    reads: int
    rss: int
    rss_anon: int
    rss_peak: int
    pss: int
    cgroup: int
    kernel: int
    processes: int
    fds: int
    main_rss: int  # of the unit's main process alone
    main_anon: int


def probe(guest: Guest, units: Iterable[str]) -> dict:
    return json.loads(guest.run(["python3", "-I", "-S", "-c", PROBE, *units], timeout=300).out)


def measure(guest: Guest, units: list[str], seconds: float) -> dict[str, Usage]:
    """All units over the same window. Each is a running unit in system.slice, named without `.service`."""
    before = probe(guest, units)
    time.sleep(seconds)
    after = probe(guest, units)
    out = {}
    for unit in units:
        a, b = before["units"][unit], after["units"][unit]
        if not b["processes"]:
            raise RuntimeError(f"{unit} does not run:\n" + guest.run(f"journalctl -q -n 20 -u {unit}").out)
        out[unit] = Usage(unit, round(after["at"] - before["at"], 2), round((b["cpu_usec"] - a["cpu_usec"]) / 1e6, 4),
                          b["ticks"] - a["ticks"], b["wakes"] - a["wakes"], b["reads"] - a["reads"], b["VmRSS"],
                          b["RssAnon"], b["VmHWM"], b["Pss"], b["cgroup_bytes"] >> 10, b["cgroup_kernel"] >> 10,
                          b["processes"], b["fds"], b["main_VmRSS"], b["main_RssAnon"])
    return out


# ---- the governor as a unit ----------------------------------------------------------------------

def install_governor(guest: Guest) -> None:
    """The binary in the root file system of its image's base: the guest's own libraries are a newer Debian's."""
    with tempfile.TemporaryDirectory() as folder:
        programs = {name: Path(folder) / name for name in ("governor", "governor-guardian")}
        for name, stripped in programs.items():
            subprocess.run(["strip", "-o", str(stripped), str(ROOT / "build/release/bin" / name)], check=True, timeout=60)
        guest.run(f"mkdir -p {BASE} && id=$(docker create testbed/governor-base true) && docker export $id | tar -C {BASE} -x "
                  f"&& docker rm $id >/dev/null; cd {BASE} && mkdir -p proc sys dev run "
                  f"&& for d in proc sys dev run; do mountpoint -q $d || mount --rbind /$d $d; done", timeout=300)
        for name, stripped in programs.items():
            guest.ssh.put(stripped, f"{BASE}/usr/local/bin/{name}")
    guest.ssh.write(f"{BASE}/etc/governor/policies.d/policy.yaml", POLICY)


def start_governor(guest: Guest, count: int) -> float:
    """Starts it and waits until every cgroup is armed; returns how many seconds of the guest's clock that took."""
    guest.run(f"rm -rf {BASE}/var/lib/governor; mkdir -p {BASE}/var/lib/governor; rm -f /run/cost/log; "
              f"systemd-run -q --unit={UNIT} -p LimitNOFILE=524288 -p LimitMEMLOCK=infinity "
              f"-p StandardOutput=file:/run/cost/log -p StandardError=file:/run/cost/errors "
              f"chroot {BASE} /usr/local/bin/governor run --docker-socket {cgroups.DOCKER}")
    begun = guest.monotonic_ns()

    def armed() -> bool:
        if guest.run(f"systemctl is-active -q {UNIT}", check=False).code != 0:
            raise RuntimeError("the governor ended:\n" + guest.run("tail -n 5 /run/cost/errors /run/cost/log").out)
        return int(guest.run("grep -c '\"type\":\"armed\"' /run/cost/log", check=False).out or 0) >= count

    until(armed, f"{count} cgroups to be armed", 3600, pause=2)
    return (guest.monotonic_ns() - begun) / 1e9


def stop_governor(guest: Guest) -> None:
    guest.run(f"systemctl stop {UNIT}; systemctl reset-failed {UNIT}", timeout=300, check=False)


# ---- a run ---------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Daemon:
    """Something that watches cgroups. `start` gets the number of cgroups and returns the seconds that starting took."""

    unit: str
    install: Callable[[Guest], None]
    start: Callable[[Guest, int], float]
    stop: Callable[[Guest], None]


GOVERNOR = Daemon(UNIT, install_governor, start_governor, stop_governor)


@dataclass(frozen=True)
class Plan:
    """What is measured, and where it is kept."""

    store: Store
    counts: list[int]
    seconds: int  # the length of a window
    again: bool = False
    settle: int = 30  # between the start and the first window

    def missing(self, daemons: list[Daemon]) -> list[int]:
        keys = {row["key"] for row in self.store.rows()}
        return [n for n in self.counts if self.again or not all(key(d.unit, n, w) in keys for d in daemons for w in WINDOWS)]


WINDOWS = ("quiet", "busy")


def key(unit: str, count: int, window: str) -> str:
    return f"{unit}/{count}/{window}"


def run_one(guest: Guest, daemons: list[Daemon], count: int, plan: Plan, versions: dict[str, str]) -> Iterator[str]:
    """All daemons watch the same cgroups at the same time: none can have had the quieter minute."""
    shape = cgroups.Shape(count)
    cgroups.populate(guest, shape)
    try:
        started = {daemon.unit: round(daemon.start(guest, count), 1) for daemon in daemons}
        time.sleep(plan.settle)
        kills = cgroups.trips(guest)
        for window in WINDOWS:
            cgroups.work(guest, window == "busy")
            if window == "busy":
                time.sleep(10)  # all of them have begun
            for unit, usage in measure(guest, [daemon.unit for daemon in daemons], plan.seconds).items():
                plan.store.add(key(unit, count, window), cgroups=count, window=window, working=shape.busy, start_s=started[unit],
                               oom_kills=cgroups.trips(guest) - kills, versions=versions, **asdict(usage))
                yield f"{unit:16} {count:6} {window:6} {usage.cpu_s:8.2f} s CPU {usage.rss / 1024:8.1f} MiB RSS"
    finally:
        for daemon in daemons:
            daemon.stop(guest)
        cgroups.remove(guest)


def run(daemons: list[Daemon], plan: Plan, versions: Callable[[Guest], dict[str, str]]) -> Iterator[str]:
    """In a machine of its own: the crowd would be in everybody's way."""
    counts = plan.missing(daemons)
    if not counts:
        return
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        known = versions(guest)
        cgroups.install(guest)
        for daemon in daemons:
            daemon.install(guest)
        for count in counts:
            yield from run_one(guest, daemons, count, plan, known)
    finally:
        machine.discard()
