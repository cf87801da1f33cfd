# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What was measured, and whether it is good. Nothing here is assumed: each number was read from where it says."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from project import CACHE, COACH, DATABASE, Identity, Save
from ui import Screen, mib, seconds, table


@dataclass
class Measured:
    wanted: int
    events: list[dict] = field(default_factory=list)       # the governor's, of the coach
    docker: list[dict] = field(default_factory=list)       # Docker's, of the whole project
    saves: list[Save] = field(default_factory=list)
    before: dict[str, Identity] = field(default_factory=dict)
    after: dict[str, Identity] = field(default_factory=dict)
    kernel_oom_kills: int | None = None                    # of all the demo's containers, also those that are gone
    rows: int = 0
    longest_gap: float = 0.0
    tracker_errors: int = 0
    stopped_because: str = ""

    @property
    def restarts(self) -> list[dict]:
        return [event for event in self.events if event["type"] == "restart_finished"]

    @property
    def graceful(self) -> int:
        return sum(1 for event in self.restarts if event.get("outcome") == "graceful")

    def exits(self) -> list[str]:
        """The coach's exit codes as Docker recorded them."""
        return [attributes(event).get("exitCode", "?") for event in self.docker
                if event["Action"] == "die" and service_of(event) == COACH]

    def oom_kills(self) -> int:
        """The highest of three counts: the kernel's, Docker's and the governor's."""
        docker = sum(1 for event in self.docker if event["Action"] == "oom")
        governor = sum(1 for event in self.events if event["type"] == "oom_killed")
        return max(self.kernel_oom_kills or 0, docker, governor)

    def ended(self, service: str) -> int:
        return sum(1 for event in self.docker if event["Action"] == "die" and service_of(event) == service)

    def untouched(self, service: str) -> bool:
        return self.before.get(service) is not None and self.before.get(service) == self.after.get(service) \
            and self.ended(service) == 0


def attributes(event: dict) -> dict:
    return event.get("Actor", {}).get("Attributes", {})


def service_of(event: dict) -> str:
    return attributes(event).get("com.docker.compose.service", "")


def problems(m: Measured) -> list[str]:
    """Everything that is not as it must be; empty is good."""
    found = [m.stopped_because] if m.stopped_because else []
    if len(m.restarts) < m.wanted:
        found.append(f"{len(m.restarts)} of {m.wanted} restarts took place")
    if m.graceful < len(m.restarts):
        found.append(f"{len(m.restarts) - m.graceful} restarts were not graceful")
    if any(code != "0" for code in m.exits()):
        found.append(f"the coach's exit codes were {', '.join(m.exits())}")
    if m.kernel_oom_kills is None:
        found.append("the kernel's OOM counter could not be read")
    if m.oom_kills():
        found.append(f"{m.oom_kills()} OOM kills")
    lost = [save for save in m.saves if not save.good]
    found += [f"{save.name}: {save.problem}" for save in lost]
    if len(m.saves) < len(m.restarts):
        found.append(f"the work of only {len(m.saves)} of {len(m.restarts)} restarts was checked")
    for service in (DATABASE, CACHE):
        if not m.untouched(service):
            found.append(f"the container of {service} was restarted")
    if m.tracker_errors or not m.rows:
        found.append(f"the database's client wrote {m.rows} rows and saw {m.tracker_errors} errors")
    return found


def spread(values: list[float]) -> str:
    if not values:
        return "none"
    return f"{seconds(min(values))} / {seconds(statistics.median(values))} / {seconds(max(values))}"


def restarts_table(m: Measured) -> list[str]:
    rows = [["#", "memory", "stood still", "drained", "back after", "exit code", "outcome", "work"]]
    for number, event in enumerate(m.restarts):
        save = m.saves[number] if number < len(m.saves) else None
        work = f"{save.last - save.first + 1} profiles, checksum good" if save and save.good else "NOT SAVED"
        rows.append([str(number + 1), mib(event.get("memory", {}).get("unreclaimable")), seconds(event.get("brake_ms", 0)),
                     seconds(event.get("drain_ms", 0)), seconds(event.get("total_ms", 0)), str(event.get("exit_code", "?")),
                     event.get("outcome", "?").replace("_", " "), work])
    return table(rows)


def facts_table(m: Measured) -> list[str]:
    def kept(service: str) -> str:
        identity = m.after.get(service)
        if not m.untouched(service) or identity is None:
            return "RESTARTED"
        return f"untouched: process {identity.pid} since {identity.started[11:19]}, {m.ended(service)} ends, {identity.restarts} restarts"

    drains = [event.get("drain_ms", 0) for event in m.restarts]
    return table([
        ["Restarts", f"{len(m.restarts)} of {m.wanted} wanted"],
        ["  graceful", f"{m.graceful} of {len(m.restarts)}; exit codes by Docker: {', '.join(m.exits()) or 'none'}"],
        ["OOM kills", f"{m.oom_kills()} (kernel's oom_kill of all containers of the demo: "
                      f"{'unknown' if m.kernel_oom_kills is None else m.kernel_oom_kills})"],
        ["Drain time", f"{spread(drains)} (shortest / median / longest)"],
        ["Work saved", f"{sum(1 for save in m.saves if save.good)} of {len(m.restarts)} files whole, "
                       f"{m.saves[-1].last if m.saves else 0} profiles without a gap"],
        ["Database", kept(DATABASE)],
        ["  its client", f"{m.rows} rows written, {m.tracker_errors} errors, at most {m.longest_gap:.1f} s between two rows"],
        ["Redis", kept(CACHE)],
    ])


def show(screen: Screen, m: Measured) -> bool:
    found = problems(m)
    screen.line()
    if m.restarts:
        for line in restarts_table(m):
            screen.line(line)
        screen.line()
    for line in facts_table(m):
        screen.line(line)
    screen.line()
    if found:
        screen.line(screen.paint("red", "NOT GOOD: ") + "; ".join(found))
    else:
        screen.line(screen.paint("green", "GOOD: ") + f"{m.graceful} restart{'' if m.graceful == 1 else 's'}, all graceful, no OOM kill, "
                    "no work lost, and the database never noticed.")
    return not found
