#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Validates the events that docs/events.md shows (they are from real runs) against what `governor schema --event` prints, with a real JSON
Schema validator, and broken ones too.

Usage: validate_events.py GOVERNOR EVENTS-PAGE
"""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema


def main() -> int:
    governor, page = sys.argv[1], Path(sys.argv[2])
    text = subprocess.run([governor, "schema", "--event"], check=True, capture_output=True, text=True, timeout=30).stdout
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    # The shorter examples leave out what every event has.
    common = {"time": "2026-05-01T02:14:07.123Z", "id": 1}
    events = [common | json.loads(line) for line in page.read_text().splitlines() if line.startswith("{") and '"type":' in line]
    assert len(events) > 20, f"only {len(events)} events on {page}"
    for event in events:
        errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(event)]
        assert not errors, f"{event}: {errors}"
    print(f"{len(events)} events: valid")
    for wrong in ({"type": "no_such_type"}, {"undocumented": 1}, {"memory": {"hard": "256MiB"}}, {"reason": {"rule": "eta", "measured": {"text": "1s"}}}):
        assert list(validator.iter_errors(events[0] | wrong)), f"{wrong} goes through the schema"
    return 0


if __name__ == "__main__":
    sys.exit(main())
