# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of bench/vm/availability.py as tables: what clients noticed of a leak."""

from __future__ import annotations

from .store import RESULTS, Store
from .tables import NOT_RUN, table

FILE = RESULTS.parent / "availability.jsonl"
POOLS = ["gunicorn-gthread", "gunicorn-gthread-hook", "node", "php-fpm", "celery"]
#: A variant that is asked about one guard only.
ONLY = {"gunicorn-gthread-hook": ["recycle"]}
CANDIDATES = ["docker", "earlyoom", "systemd-oomd", "graceful_restart", "recycle"]
#: Fewer are shown as what they are.
WANTED = 30
#: The aim of `recycle`: p99 with the leak, of p99 without.
MOST_P99 = 2.0


def rows() -> dict[tuple[str, str], dict]:
    """By pool and candidate."""
    return {(row["pool"], row["candidate"]): row for row in Store(FILE).rows()}


def refused(row: dict) -> int:
    return row["leak"]["refused"]


def broken(row: dict) -> int:
    """Requests that were cut off; tasks that were lost, or cut off and run again from their beginning."""
    leak = row["leak"]
    return sum(leak.get(key, 0) for key in ("broken", "failed", "lost", "again", "twice"))


def asked(row: dict) -> int:
    leak = row["leak"]
    return leak.get("sent", leak["ok"] + leak["refused"] + leak.get("broken", 0) + leak.get("failed", 0))


def ratio(row: dict, key: str) -> float | None:
    quiet, leak = row["quiet"][key], row["leak"][key]
    return leak / quiet if quiet and leak is not None else None


def _ratio(row: dict, key: str) -> str:
    value = ratio(row, key)
    return "" if value is None else f"{value:.1f}"


def outcomes() -> str:
    found = rows()
    out = []
    for pool in POOLS:
        for candidate in ONLY.get(pool, CANDIDATES):
            row = found.get((pool, candidate))
            if row is None:
                out.append([pool, candidate, NOT_RUN, *[""] * 8])
                continue
            acts = str(row["acts"]) if row["acts"] >= WANTED else f"{row['acts']} of {WANTED}"
            out.append([pool, candidate, acts, f"{asked(row):,}", str(refused(row)), str(broken(row)), str(row["leak"].get("retried", "")), str(row["oom_kills"]),
                        str(row["container_ends"]), _ratio(row, "p50_ms"), _ratio(row, "p99_ms")])
    return table(["pool", "guard", "events", "requests", "refused", "broken", "retried", "OOM kills", "container ended", "p50 × quiet", "p99 × quiet"], out)


def settings() -> str:
    known = {row["candidate"]: row["what"] for row in rows().values()}
    return table(["guard", "what was set"], [[name, known[name]] for name in CANDIDATES if name in known]) if known else NOT_RUN


def targets() -> str:
    found = rows()
    out = []
    for pool in POOLS:
        row = found.get((pool, "recycle"))
        if row is None:
            out.append([pool, NOT_RUN, "", "", ""])
            continue
        p99 = ratio(row, "p99_ms")
        out.append([pool, _met(refused(row) == 0, str(refused(row))), _met(broken(row) == 0, str(broken(row))),
                    _met(row["oom_kills"] == 0, str(row["oom_kills"])),
                    _met(p99 is not None and p99 <= MOST_P99, "?" if p99 is None else f"{p99:.1f}")])
    return table(["recycle", "refused: 0", "broken: 0", "OOM kills: 0", f"p99 ≤ {MOST_P99:.0f} × quiet"], out)


def _met(good: bool, value: str) -> str:
    return f"{value} ({'met' if good else '**missed**'})"


def loads() -> str:
    values = [row["host_load"] for row in rows().values()]
    return f"{min(values):.0f} to {max(values):.0f}" if values else NOT_RUN
