# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Whom an operator could let watch the memory of a container, each as its documentation sets it up and as well as it can be set up
for this.

A tuned setting is given what no default has: the coach's own size. The guards of the whole host get it as a byte of MemAvailable that is
reached when the coach is at its tripwire and nobody else's use has changed, which on a real host holds for minutes at best.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from testbed.attackers import available_memory
from testbed.guest import Guest
from testbed.stack import GOVERNOR, Stack
from testbed.told import start_governor

MIB = 1 << 20
HARD = 512 * MIB
TRIPWIRE = HARD * 90 // 100
#: Where a guard that kills (or asks a second time) does so.
LAST = HARD * 97 // 100
COACHES = "coach-*"

#: policies/presets/jobmate.yaml, its coach: only `match` and the size are this bench's. What an emulated machine cannot keep are the
#: two deadlines: `tuned` has them as long as the emulation is slow.
GOVERNOR_POLICY = """
version: 1
services:
  ai-coach:
    match: {{ service: "{coaches}" }}
    memory: {{ hard: {hard}MiB, swap: 0, tripwire: 90%, oom_score_adj: 500 }}
    priority: 10
    near_oom:
      when: {{ any: [ {{ unreclaimable: 90% }} ] }}
      do: graceful_restart
      brake: {{ docker_timeout: {docker_timeout}, hold_timeout: {hold_timeout} }}
      drain: {{ grace: from_container, on_timeout: kill }}
    restart:
      backoff: {{ from: 1s, to: 5m, reset_after: 10m }}
      breaker: {{ restarts: 5, within: 10m, then: quarantine, cap: 90% }}
"""


def memory_high(limit: int) -> dict:
    """What a coach's definition gets for a memory.high of so many bytes, with Docker's systemd driver."""
    return {"org.systemd.property.MemoryHigh": f"uint64 {limit}"}


@dataclass
class Candidate:
    name: str
    setting: str  # "default" or "tuned"
    #: For the docs: what was set, in a line.
    what: str
    #: The daemon's unit; None: there is no daemon.
    unit: str | None = None
    #: Files that it is started with, made when the host is as it will be. By path; "" takes a file away.
    files: Callable[[Guest], dict[str, str]] = field(default=lambda _: {})
    annotations: dict = field(default_factory=dict)
    #: Coaches at a time: more than one only for who looks at containers, or at nothing.
    side_by_side: int = 3
    #: Acts on a container that nears its own limit: has a reaction that can be timed.
    acts: bool = False

    @property
    def key(self) -> str:
        return f"{self.name}/{self.setting}"

    def start(self, guest: Guest) -> None:
        if not self.unit:
            return
        for path, text in self.files(guest).items():
            guest.ssh.write(path, text) if text else guest.run(["rm", "-f", path])
        # A unit that refuses its configuration is started again and again, and is "active" now and then: not one of its restarts may be.
        guest.run(f"systemctl daemon-reload; systemctl reset-failed {self.unit} 2>/dev/null; systemctl restart {self.unit} "
                  f"&& sleep 5 && systemctl is-active --quiet {self.unit} && [ $(systemctl show -P NRestarts {self.unit}) = 0 ] "
                  f"|| {{ journalctl -u {self.unit} -n 20 -o cat >&2; exit 1; }}", timeout=120)

    def stop(self, guest: Guest) -> None:
        if self.unit:
            guest.run(["systemctl", "stop", self.unit], timeout=120)

    def log(self, guest: Guest) -> str:
        return guest.run(f"journalctl -u {self.unit} -n 40 -o cat --no-pager", check=False).out if self.unit else ""


@dataclass
class GovernorCandidate(Candidate):
    policy: str = ""

    def start(self, guest: Guest) -> None:
        self._stack = Stack(guest, f"guard-{self.setting}")
        self._governor = start_governor(self._stack, self.policy)

    def stop(self, guest: Guest) -> None:
        self._stack.compose("rm", "-s", "-f", GOVERNOR)

    def log(self, guest: Guest) -> str:
        return "\n".join(self._governor.timeline().splitlines()[-40:])


def _governor(setting: str, docker_timeout: str, hold_timeout: str, what: str) -> Candidate:
    policy = GOVERNOR_POLICY.format(coaches=COACHES, hard=HARD >> 20, docker_timeout=docker_timeout, hold_timeout=hold_timeout)
    return GovernorCandidate("governor", setting, what, policy=policy, acts=True)


# -- guards of the host: MemAvailable when the coach is at a byte, from MemAvailable now ------------------------------------------
def _left(guest: Guest, taken: int) -> int:
    return available_memory(guest) - taken


def _earlyoom(guest: Guest) -> dict[str, str]:
    # It takes a size as a share of MemTotal, and compares that with the share of what user space can have (MemAvailable + AnonPages),
    # which here is less: the rest are huge pages.
    info = {key: int(kib) for key, kib in re.findall(r"(\w+):\s+(\d+) kB", guest.read("/proc/meminfo") or "")}
    scale = info["MemTotal"] / (info["MemAvailable"] + info["AnonPages"])
    thresholds = ",".join(str(int(_left(guest, taken) * scale) >> 10) for taken in (TRIPWIRE, LAST))
    return {"/etc/default/earlyoom": f"EARLYOOM_ARGS=\"-r 3600 -M {thresholds} -s 100,100 --prefer ^(leaker|python3)$\"\n"}


def _nohang(guest: Guest) -> dict[str, str]:
    """The shipped file with other values: nohang wants every key."""
    values = {"soft_threshold_min_mem": f"{_left(guest, TRIPWIRE) >> 20} M", "hard_threshold_min_mem": f"{_left(guest, LAST) >> 20} M",
              "soft_threshold_min_swap": "100 %", "hard_threshold_min_swap": "100 %", "min_sleep": "0.01", "max_sleep": "0.1"}
    lines = []
    for line in (guest.read("/usr/share/nohang/nohang.conf") or "").splitlines():
        key = line.split("=")[0].strip()
        lines.append(f"{key} = {values[key]}" if "=" in line and key in values else line)
    return {"/etc/nohang/nohang.conf": "\n".join([*lines, "@BADNESS_ADJ_RE_NAME 900 /// ^(leaker|python3)$", ""])}


def _nohang_default(guest: Guest) -> dict[str, str]:
    return {"/etc/nohang/nohang.conf": guest.read("/usr/share/nohang/nohang.conf") or ""}


# -- guards of cgroups ------------------------------------------------------------------------------------------------------------
SYSTEMD_OOMD = "/etc/systemd/oomd.conf.d/50-bench.conf"
OOMD_OPTIONS = "DAEMON_OPTS=\"--interval 1 --config {config} --cgroup-fs /sys/fs/cgroup\"\n"


def _oomd(_: Guest) -> dict[str, str]:
    scopes = "system.slice/docker-*.scope"
    above = {"name": "memory_above", "args": {"cgroup": scopes, "threshold_anon": f"{(TRIPWIRE - 4 * MIB) >> 20}M", "duration": "0"}}
    kill = {"name": "kill_by_memory_size_or_growth", "args": {"cgroup": scopes, "size_threshold": "0", "post_action_delay": "0"}}
    rules = {"rulesets": [{"name": "a coach near its limit", "detectors": [["anon", above]], "actions": [kill]}]}
    return {"/etc/oomd/bench.json": json.dumps(rules, indent=1), "/etc/default/oomd": OOMD_OPTIONS.format(config="/etc/oomd/bench.json")}


CANDIDATES = [
    Candidate("docker", "default", "mem_limit and memswap_limit, nothing else"),
    Candidate("memory.high", "default", "memory.high at 90 % of the limit (an annotation)", annotations=memory_high(TRIPWIRE),
              side_by_side=5),
    Candidate("memory.high", "tuned", "memory.high at 80 % of the limit (an annotation)", annotations=memory_high(HARD * 80 // 100),
              side_by_side=5),
    Candidate("earlyoom", "default", "Debian's: SIGTERM at 10 % of memory and swap left, SIGKILL at 5 %", "earlyoom.service",
              lambda _: {"/etc/default/earlyoom": "EARLYOOM_ARGS=\"-r 3600\"\n"}),
    Candidate("earlyoom", "tuned", "-M: the MemAvailable at which the coach is at 90 % (SIGKILL: 97 %), -s 100, --prefer the coach",
              "earlyoom.service", _earlyoom, side_by_side=1, acts=True),
    Candidate("nohang", "default", "Debian's: SIGTERM at 5 % of memory and 10 % of swap left, SIGKILL at 2 % and 4 %", "nohang.service",
              _nohang_default),
    Candidate("nohang", "tuned", "soft and hard threshold as earlyoom's, looks every 10 to 100 ms, the coach's badness + 900",
              "nohang.service", _nohang, side_by_side=1, acts=True),
    Candidate("systemd-oomd", "default", "Debian's: no unit of Docker's is managed", "systemd-oomd.service", lambda _: {SYSTEMD_OOMD: ""}),
    Candidate("systemd-oomd", "tuned", "the scope: ManagedOOMMemoryPressure=kill at 5 % for 1 s, and memory.high at 90 % to make pressure",
              "systemd-oomd.service", lambda _: {SYSTEMD_OOMD: "[OOM]\nDefaultMemoryPressureDurationSec=1s\n"},
              annotations={**memory_high(TRIPWIRE), "org.systemd.property.ManagedOOMMemoryPressure": "'kill'",
                           "org.systemd.property.ManagedOOMMemoryPressureLimit": f"uint32 {(1 << 32) * 5 // 100}"},
              side_by_side=1, acts=True),
    Candidate("oomd", "default", "Debian's (a desktop's): pressure on user.slice and system.slice, swap below 10 %; interval 1 s",
              "oomd.service", lambda _: {"/etc/default/oomd": OOMD_OPTIONS.format(config="/etc/oomd/oomd.json")}),
    Candidate("oomd", "tuned",
              "memory_above: anon of a scope at 90 % of the limit for 0 s, kill at once; interval 1 s; memory.high at 90 %",
              "oomd.service", _oomd, annotations=memory_high(TRIPWIRE), side_by_side=1, acts=True),
    _governor("default", "2s", "1s", "the coach's policy of presets/jobmate.yaml, for 512 MiB"),
    _governor("tuned", "20s", "3s", "the same, with deadlines for Docker and for children as long as the emulation is slow"),
]

#: For every day: without memory.high, whose minute of livelock is the same each day.
QUICK = ["docker", *(c.key for c in CANDIDATES if c.setting == "tuned" and c.name != "memory.high")]


def find(keys: list[str]) -> list[Candidate]:
    """By name ("earlyoom") or by name and setting ("earlyoom/tuned"), in the order asked for; all for none."""
    chosen = [c for key in keys for c in CANDIDATES if key in (c.name, c.key)] or CANDIDATES
    unknown = [key for key in keys if key not in {c.name for c in CANDIDATES} | {c.key for c in CANDIDATES}]
    if unknown:
        raise SystemExit(f"no candidate {', '.join(unknown)}; there are: {', '.join(c.key for c in CANDIDATES)}")
    return chosen
