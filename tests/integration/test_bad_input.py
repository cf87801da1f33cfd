# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Hosts and policies that are not what they should be: the message names what is wrong and the mend, and nothing is half-applied."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conftest import Bed
from governed import GUEST_TOOLS, MIB, TOOLS, graceful_restart, policy, start_coach, start_governor
from testbed.guest import Guest
from testbed.ssh import Result
from testbed.stack import Stack
from testbed.wait import until
from testbed.workers import script

pytestmark = pytest.mark.once
GOOD, PROBLEMS, UNREACHABLE = 0, 1, 3
WORK = "/run/testbed/bad"
TREE = "/sys/fs/cgroup:/sys/fs/cgroup:rw"
SOCKET = "/var/run/docker.sock:/var/run/docker.sock"
POLICIES = f"{WORK}:{WORK}:ro"


@pytest.fixture
def host(vm: Guest) -> Iterator[Guest]:
    """With a good policy in WORK, and nothing else."""
    vm.run(["mkdir", "-p", f"{WORK}/good"])
    vm.ssh.write(f"{WORK}/good/policy.yaml", policy())
    yield vm
    vm.run(["rm", "-rf", WORK])


def governor(host: Guest, *words: str, volumes: tuple[str, ...] = (TREE, SOCKET), options: tuple[str, ...] = ("--pid=host",),
             cgroups: str = "host") -> Result:
    """The shipped image with the shipped privileges, but for what the case takes away."""
    mounts = [f"-v={volume}" for volume in (*volumes, POLICIES)]
    return host.docker("run", "--rm", "--network=none", f"--cgroupns={cgroups}", "--read-only", "--cap-drop=ALL", "--cap-add=KILL",
                       "--cap-add=SYS_RESOURCE", "--cap-add=IPC_LOCK", "--security-opt=no-new-privileges:true", *options, *mounts,
                       host.governor_image, *words, check=False)


def run_and_doctor(host: Guest, code: int, says: list[str], doctor_says: list[str], extra: tuple[str, ...] = (), **how: object) -> None:
    """Both must say it: the daemon that refuses to start, and the doctor that is asked afterwards."""
    done = governor(host, "run", "--policy", f"{WORK}/good", *extra, **how)  # type: ignore[arg-type]
    assert (done.code, [text for text in says if text not in done.err]) == (code, []), done
    done = governor(host, "doctor", "--policy", f"{WORK}/good", *extra, **how)  # type: ignore[arg-type]
    assert (done.code, [text for text in doctor_says if text not in done.out]) == (code, []), done


def test_no_docker_socket(host: Guest) -> None:
    run_and_doctor(host, UNREACHABLE, ["/var/run/docker.sock", "mount"], ["/var/run/docker.sock", "-> "], volumes=(TREE,))


def engine(host: Guest, mode: str) -> str:
    """An engine that nobody needs but the case: its socket belongs to somebody else, with `mode`."""
    host.ssh.put(GUEST_TOOLS, TOOLS)
    path = f"{WORK}/engine.sock"
    host.run(f"systemd-run --quiet --collect --unit=future-engine python3 -I -S {TOOLS}/future_engine.py {path}")
    until(lambda: host.run(f"test -S {path}", check=False).code == 0, "the engine's socket", 30)
    host.run(f"chown nobody {path} && chmod {mode} {path}")
    return path


@pytest.mark.parametrize(("mode", "code", "says"), [("600", UNREACHABLE, ["engine.sock", "ermission"]),
                                                    ("666", UNREACHABLE, ["9.99", "API"])])
def test_socket_without_permission_and_unknown_api(host: Guest, mode: str, code: int, says: list[str]) -> None:
    path = engine(host, mode)
    try:
        done = governor(host, "run", "--policy", f"{WORK}/good", "--docker-socket", path)
        assert (done.code, [text for text in says if text not in done.err]) == (code, []), done
        done = governor(host, "doctor", "--policy", f"{WORK}/good", "--docker-socket", path)
        assert done.code != GOOD, done
        assert [text for text in [*says, "-> "] if text not in done.out] == [], done
    finally:
        host.run("systemctl stop future-engine", check=False)


def test_cgroup_tree_that_cannot_be_written(host: Guest) -> None:
    run_and_doctor(host, PROBLEMS, ["/sys/fs/cgroup", "read-only", "Mount it"], ["cgroup", "-> "],
                   volumes=("/sys/fs/cgroup:/sys/fs/cgroup:ro", SOCKET))


def test_private_cgroup_namespace(host: Guest) -> None:
    """Docker mounts the governor's own part of the tree then, and read-only."""
    run_and_doctor(host, PROBLEMS, ["/sys/fs/cgroup", "cgroup"], ["cgroup: host"], volumes=(SOCKET,), cgroups="private")


HEAD = "version: 1\nservices:\n"
COACH = HEAD + "  coach:\n    match: { service: coach }\n"
#: file -> its text, what the message must have beside the file's name
BAD_POLICIES = {
    "empty.yaml": ("", "version"),
    "cyclic.yaml": (HEAD + "  coach: &a\n    match: { service: coach }\n    memory: *a\n", "alias"),
    "negative.yaml": (COACH + "    memory: { hard: -1GiB }\n", "negative"),
    "overflow.yaml": (COACH + "    memory: { hard: 99999999999999999999GiB }\n", "too large"),
    "two.yaml": (COACH + "  again:\n    match: { service: coach }\n", "two policies for one service"),
    "above.yaml": (COACH + "    memory: { hard: 100MiB, tripwire: 200MiB }\n", "tripwire"),
}
# One container for all cases: each start of one costs seconds under emulation.
EACH = """for file in missing.yaml noise.yaml $FILES; do
  for words in "check $W/$file" "run --policy $W/$file"; do
    echo "== $file ${words%% *}"; governor $words 2>&1 | head -c 3000; echo
    governor $words > /dev/null 2>&1; echo "exit $?"
  done
done"""


def test_policies_that_cannot_be_used(host: Guest, stack: Stack) -> None:
    coach = stack.worker("coach", script("sleep 600"), limit="200m")
    stack.up()
    limits = coach.read("memory.max"), coach.read("memory.high")
    for name, (text, _) in BAD_POLICIES.items():
        host.ssh.write(f"{WORK}/{name}", text)
    host.run(f"head -c 10485760 /dev/urandom > {WORK}/noise.yaml")
    cases = EACH.replace("$W", WORK).replace("$FILES", " ".join(BAD_POLICIES))
    done = governor(host, "-c", cases, options=("--pid=host", "--entrypoint=sh"))
    reports = {part.splitlines()[0]: part for part in done.out.split("== ")[1:]}
    wanted = {"missing.yaml": "No such file", "noise.yaml": "1MiB"} | {name: text for name, (_, text) in BAD_POLICIES.items()}
    for name, text in wanted.items():
        for command in ("check", "run"):
            report = reports[f"{name} {command}"]
            assert f"{WORK}/{name}" in report, report
            assert text.lower() in report.lower(), report
            assert f"exit {PROBLEMS}" in report, report
    assert (coach.read("memory.max"), coach.read("memory.high")) == limits


def test_bad_reload_changes_nothing_and_the_doctor_is_content(stack: Stack) -> None:
    """Also the good case of the doctor: with the shipped privileges there is nothing to mend."""
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    limits = coach.read("memory.max"), coach.read("memory.high")
    doctor = stack.cli("doctor", "--json", check=False)
    assert doctor.code == GOOD, doctor
    assert json.loads(doctor.out)["fail"] == 0
    stack.policy(policy().replace("256MiB", "-1"))
    done = stack.cli("reload", check=False)
    assert done.code == PROBLEMS, done
    assert "policy.yaml:" in done.out + done.err
    assert (coach.read("memory.max"), coach.read("memory.high")) == limits
    stack.policy(policy(hard=200))
    stack.cli("reload")
    until(lambda: (coach.read("memory.max") or "").strip() == str(200 * MIB), "the new limit", 60)
    assert stack.cli("status").code == GOOD
    assert stack.guest.docker("exec", daemon.service.container, "governor", "nonsense", check=False).code == 2
    assert stack.cli("status", "--socket", "/nowhere.sock", check=False).code == UNREACHABLE


def test_without_the_hosts_pid_namespace(stack: Stack) -> None:
    """Less can be seen, which is said; the restart goes through Docker alone, and the work is saved."""
    daemon = start_governor(stack, policy(), pid=None)
    assert any("pid: host" in line for line in daemon.errors), daemon.errors
    doctor = stack.cli("doctor", check=False)
    assert "pid: host" in doctor.out, doctor
    coach = start_coach(stack, daemon)
    assert graceful_restart(coach, daemon)["via"] == "docker"
    assert len(coach.saved_files()) == 1


def test_own_slice(stack: Stack) -> None:
    """`cgroup_parent: a-b.slice` stands for a.slice/a-b.slice."""
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon, cgroup_parent="a-b.slice")
    assert stack.guest.run(["cat", f"/proc/{coach.pid}/cgroup"]).out.startswith("0::/a.slice/a-b.slice/docker-")
    assert graceful_restart(coach, daemon)["outcome"] == "graceful"
    assert len(coach.saved_files()) == 1


@pytest.mark.full
def test_cgroupfs_driver(bed: Bed) -> None:
    """The other way in which Docker makes cgroups. Last: this virtual machine is thrown away afterwards."""
    guest = bed.guest
    stack = Stack(guest, "cgroupfs-driver")
    settings = json.loads(guest.read("/etc/docker/daemon.json") or "{}") | {"exec-opts": ["native.cgroupdriver=cgroupfs"]}
    try:
        guest.ssh.write("/etc/docker/daemon.json", json.dumps(settings))
        guest.run("systemctl restart docker", timeout=180)
        guest.record_events()
        daemon = start_governor(stack, policy())
        coach = start_coach(stack, daemon)
        path = guest.run(["cat", f"/proc/{coach.pid}/cgroup"]).out.strip().removeprefix("0::")
        assert path == f"/docker/{coach.id}"
        assert int(guest.read(f"/sys/fs/cgroup{path}/memory.high") or "0") > 0
        assert graceful_restart(coach, daemon)["outcome"] == "graceful"
        assert len(coach.saved_files()) == 1
    finally:
        bed.discard()
