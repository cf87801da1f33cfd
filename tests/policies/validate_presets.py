#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Validates every shipped preset against what `governor schema` prints, with a real JSON Schema validator, and a broken one too.

Usage: validate_presets.py GOVERNOR PRESETS-FOLDER
"""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

HOOKS = """
version: 1
hooks:
  - on: [oom_verdict, "breaker_*"]
    name: pager
    service: ai-*
    webhook:
      url: "${ALERT_URL}"
      format: alertmanager
      headers: { Authorization: "Bearer ${TOKEN}", X-Key: { file: /run/secrets/key } }
      hmac: { secret: "${SECRET}", header: X-Signature }
      ca_file: /etc/governor/ca.pem
      timeout: 10s
      resend: 60s
      resolve_after: 5m
    retry: { from: 1s, to: 5m, give_up: 6h }
  - { on: "*", webhook: { url_file: /run/secrets/url, template: "{{ type }}", content_type: text/plain } }
  - { on: armed, exec: { command: [/etc/governor/hooks/page.sh, --urgent], timeout: 10s } }
"""


def main() -> int:
    governor, folder = sys.argv[1], Path(sys.argv[2])
    schema = json.loads(subprocess.run([governor, "schema"], check=True, capture_output=True, text=True, timeout=30).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    presets = sorted(folder.glob("*.yaml"))
    assert presets, f"no presets in {folder}"
    for preset in presets:
        errors = [error.message for error in validator.iter_errors(yaml.safe_load(preset.read_text()))]
        assert not errors, f"{preset.name}: {errors}"
        print(f"{preset.name}: valid")
    wrong = yaml.safe_load(presets[0].read_text())
    wrong["services"] = {"x": {"match": {"service": "x"}, "memmory": {"hard": "1GiB"}}}
    assert list(validator.iter_errors(wrong)), "an unknown key goes through the schema"
    # Not safe_load: to YAML 1.1 the key `on` is true.
    hooks = yaml.load(HOOKS, yaml.BaseLoader)
    errors = [error.message for error in validator.iter_errors(hooks)]
    assert not errors, f"hooks: {errors}"
    for wrong_webhook in ({}, {"url": "ftp://a/"}, {"url": "http://a/", "url_file": "/a"}, {"url": "http://a/", "format": "event", "template": "x"},
                          {"url": "http://a/", "format": "json"}, {"url": "http://a/", "headers": {"a b": "x"}}):
        hooks["hooks"] = [{"on": "armed", "webhook": wrong_webhook}]
        assert list(validator.iter_errors(hooks)), f"goes through the schema: {wrong_webhook}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
