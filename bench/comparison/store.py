# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Raw results: one JSON object a line, written as soon as it is known, so that a run can break off and be gone on with."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent / "results" / "compare"


@dataclass
class Store:
    """The rows of one suite. A key is measured once, unless it is asked for again."""

    path: Path

    @classmethod
    def of(cls, suite: str, folder: Path = RESULTS) -> "Store":
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"{suite}.jsonl")

    def rows(self) -> list[dict]:
        """The latest of each key, in the order in which they were first measured."""
        if not self.path.exists():
            return []
        lines = self.path.read_text().splitlines()
        return list({row["key"]: row for row in map(json.loads, lines)}.values())

    def has(self, key: str) -> bool:
        return any(row["key"] == key for row in self.rows())

    def add(self, key: str, **fields: object) -> None:
        row = {"key": key, "when": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
               "host_load": round(os.getloadavg()[0], 1), **fields}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
