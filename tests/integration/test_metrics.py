# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics: a real Prometheus scrapes the governor, its queries tell what happened, and a removed container's series go."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest
from testbed import paths
from testbed.guest import Guest
from testbed.stack import Stack
from testbed.told import start_governor
from testbed.wait import until
from testbed.workers import leaker

PORT = 9477
FOLDER = "/run/testbed/prometheus"
POLICY = """
version: 1
host: { keep_free: 64MiB }
services:
  coach:
    match: { service: coach }
    memory: { tripwire: 85% }
    near_oom:
      when: { unreclaimable: 85% }
      brake: { docker_timeout: 20s, hold_timeout: 3s }
    restart: { backoff: { from: 10m, to: 10m }, breaker: { restarts: 2, within: 1h } }
"""


class Prometheus:
    """Debian's, in the guest, with the rules that are shipped."""

    def __init__(self, guest: Guest, target: str):
        self.guest = guest
        config = (f"global: {{ scrape_interval: 2s, evaluation_interval: 2s }}\nrule_files: [{FOLDER}/rules.yaml]\n"
                  f"scrape_configs: [{{ job_name: governor, static_configs: [{{ targets: ['{target}'] }}] }}]\n")
        guest.run(f"rm -rf {FOLDER} && mkdir -p {FOLDER}")
        guest.ssh.write(f"{FOLDER}/prometheus.yaml", config)
        guest.ssh.write(f"{FOLDER}/rules.yaml", (paths.REPOSITORY / "deploy/prometheus/governor.rules.yaml").read_text())
        guest.run(f"systemd-run --quiet --collect --unit=testbed-prometheus prometheus --config.file={FOLDER}/prometheus.yaml "
                  f"--storage.tsdb.path={FOLDER}/data --web.listen-address=127.0.0.1:9090")
        until(lambda: guest.run("curl -sf http://127.0.0.1:9090/-/ready", check=False).code == 0, "Prometheus to be ready", 120)

    def stop(self) -> None:
        self.guest.run("systemctl stop testbed-prometheus", check=False)

    def get(self, path: str) -> dict:
        answer = json.loads(self.guest.run(f"curl -s --max-time 30 {shlex.quote('http://127.0.0.1:9090/api/v1/' + path)}").out)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict, float]]:
        command = ["curl", "-s", "--max-time", "30", "--data-urlencode", f"query={expression}", "http://127.0.0.1:9090/api/v1/query"]
        answer = json.loads(self.guest.run(command).out)
        assert answer["status"] == "success", answer
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def wait(self, expression: str, timeout: float = 60) -> list[tuple[dict, float]]:
        return until(lambda: self.query(expression), f"Prometheus to have {expression}", timeout, pause=1)


@pytest.fixture
def prometheus(vm: Guest) -> Iterator[Prometheus]:
    made = Prometheus(vm, f"127.0.0.1:{PORT}")
    yield made
    made.stop()


def test_a_real_prometheus_sees_what_happened(stack: Stack, prometheus: Prometheus) -> None:
    governor = start_governor(stack, POLICY, "--metrics-listen", f"0.0.0.0:{PORT}", networks=["default"],
                              ports=[f"127.0.0.1:{PORT}:{PORT}"])
    coach = stack.worker("coach", leaker("c", rate=20, start_after=15), restart="unless-stopped", stop_grace_period="60s")
    stack.redis()
    stack.up()
    of_coach = f'{{project="{stack.project}",service="coach",container="{coach.container}",policy="coach"}}'

    assert prometheus.wait('up{job="governor"} == 1')
    ((labels, hard),) = prometheus.wait(f"governor_container_memory_hard_limit_bytes{of_coach}")
    assert hard == 256 << 20
    assert set(labels) == {"__name__", "job", "instance", "project", "service", "container", "policy"}, "no id, nothing that changes"
    assert prometheus.wait(f'governor_container_phase{{service="redis",phase="watching"}} == 1')
    # Before anything has happened the counters are there.
    assert prometheus.wait(f'governor_container_oom_kills_total{{container="{coach.container}"}} == 0')
    assert prometheus.wait(f"governor_container_oom_eta_seconds{of_coach} < Inf", timeout=120), "it leaks"

    governor.wait("restart_finished", "coach", timeout=180)
    ((labels, count),) = prometheus.wait(f'increase(governor_container_restarts_total{{container="{coach.container}"}}[5m]) > 0')
    assert (labels["outcome"], count > 0) == ("graceful", True), governor.timeline("coach")
    for name in ("brake", "drain"):
        assert prometheus.wait(f"governor_container_{name}_seconds_sum{of_coach} > 0"), name
    assert prometheus.query(f"governor_container_trips_total{of_coach}")[0][1] == 1
    # The host's and the governor's own.
    for name in ("governor_host_memory_available_bytes", "governor_host_memory_keep_free_bytes", "process_resident_memory_bytes",
                 "process_cpu_seconds_total", "process_open_fds", "governor_loop_lag_seconds_count", "governor_build_info"):
        assert prometheus.query(f"{name} > 0"), name
    # All that was exported could be taken, and no rule of ours has an error.
    (target,) = prometheus.get("targets")["activeTargets"]
    assert target["lastError"] == ""
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert rules and all(rule["health"] == "ok" for rule in rules), rules

    # Removed: all of its series are gone from the next scrape on, the others' stay.
    stack.compose("rm", "--stop", "--force", "coach")
    until(lambda: not prometheus.query(f'{{container="{coach.container}"}}'), "the series of a removed container to go", 60, pause=1)
    assert prometheus.query('governor_container_phase{service="redis"}')


@pytest.mark.full
def test_the_socket_serves_them_too_and_tcp_nothing_else(stack: Stack) -> None:
    start_governor(stack, POLICY, "--metrics-listen", f"0.0.0.0:{PORT}", networks=["default"], ports=[f"127.0.0.1:{PORT}:{PORT}"])
    guest = stack.guest
    text = guest.run("curl -sf --unix-socket /run/governor/governor.sock http://governor/metrics").out
    # Prometheus' own tool, as an operator would use it.
    checked = guest.run("promtool check metrics", data=text.encode(), check=False)
    assert (checked.code, checked.out + checked.err) == (0, "")
    for path in ("/v1/status", "/v1/reload", "/"):
        code = guest.run(f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{PORT}{path}").out
        assert code == "404", path


@pytest.mark.full
def test_a_bad_address_is_wrong_use(stack: Stack) -> None:
    stack.governor(POLICY, "--metrics-listen", "localhost", restart="no")
    stack.up()
    assert stack.services["governor"].wait_exit() == 2
    assert 'not an address to listen on: there is no port' in stack.services["governor"].logs()
