# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The command deploy/demo: options, what is done in which order, and that nothing is left behind."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from host import REPOSITORY, Here, Host, Trouble, Vm, why_not_here
from project import CACHE, COACH, DATABASE, GOVERNOR, NAME, TRACKER, Identity, Project, Save, container
from timeline import Timeline, open_record
from ui import Screen
from verdict import Measured, service_of, show
from watch import Message, Watch

BINARY = REPOSITORY / "build/release/bin/governor"
GUARDIAN = BINARY.with_name("governor-guardian")
GOOD, NOT_GOOD, WRONG_USE, NOT_RUN, INTERRUPTED = 0, 1, 2, 3, 130
READY_SECONDS = 120


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="deploy/demo", allow_abbrev=False,
        description="A leaking AI worker is restarted gracefully, again and again, without one OOM kill, while the database "
                    "beside it never notices. Runs on this machine's Docker Engine where cgroup v2 has its memory controller, "
                    "else in a virtual machine.",
        epilog="Exit codes: 0 good, 1 not good, 2 wrong use, 3 could not run.")
    parser.add_argument("--restarts", type=int, default=5, metavar="N", help="end after so many (default 5)")
    parser.add_argument("--seconds", type=int, default=900, metavar="N", help="end after so long, whatever is reached (default 900)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--vm", action="store_true", help="run in the virtual machine, whatever this machine has")
    where.add_argument("--here", action="store_true", help="run on this machine's Docker Engine or not at all")
    where.add_argument("--clean", action="store_true", help="remove what a demo with --keep has left on this machine, and end")
    parser.add_argument("--keep", action="store_true", help="leave the stack (and the VM) running at the end")
    parser.add_argument("--no-build", action="store_true", help="take build/release/bin/governor as it is")
    parser.add_argument("--record", type=Path, default=REPOSITORY / "build/demo/run.jsonl", metavar="FILE",
                        help="where samples and events go, for deploy/demo.d/picture.py (default build/demo/run.jsonl)")
    options = parser.parse_args(words)
    if not 1 <= options.restarts <= 100 or not 10 <= options.seconds <= 86400:
        parser.error("--restarts takes 1 to 100, --seconds 10 to 86400")
    return options


# -- getting ready -------------------------------------------------------------------------------
def install(screen: Screen, lists: list[str]) -> None:
    script = [str(REPOSITORY / "tests/install-packages")]
    files = [str(REPOSITORY / "tests" / name) for name in lists]
    missing = subprocess.run([*script, "--missing", *files], capture_output=True, text=True, timeout=60).stdout.split()
    if not missing:
        return
    with screen.step(f"installing {len(missing)} Debian packages"):
        done = subprocess.run([*script, *files], capture_output=True, text=True, timeout=1800, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Trouble(f"the packages could not be installed:\n{(done.stdout + done.stderr).strip()[-1500:]}")


def build_binary(screen: Screen, options: argparse.Namespace) -> None:
    if options.no_build:
        if not (BINARY.exists() and GUARDIAN.exists()):
            raise Trouble(f"{BINARY}, or {GUARDIAN.name} beside it, is not there, and --no-build was given")
        return
    install(screen, ["packages-build.txt"])
    for text, words in (("configuring the build", ["cmake", "--preset", "release"]),
                        ("building the governor", ["cmake", "--build", "--preset", "release", "--parallel", "2",
                                                   "--target", "governor"])):
        if words[1] == "--preset" and (REPOSITORY / "build/release/build.ninja").exists():
            continue
        with screen.step(text + (" (minutes, the first time)" if not BINARY.exists() else "")):
            done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=3600, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                raise Trouble(f"{' '.join(words)} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}")


def choose(screen: Screen, options: argparse.Namespace) -> Host:
    reason = "as asked by --vm" if options.vm else why_not_here()
    if not reason:
        screen.line("Where: on this machine's Docker Engine, as the Compose project " + screen.paint("bold", NAME))
        if options.no_build or is_debian_12():
            build_binary(screen, options)
        return Here()
    if options.here:
        raise Trouble(f"it cannot run here: {reason}")
    screen.line(f"Where: in a virtual machine ({reason})")
    if not is_debian_12():
        raise Trouble("the virtual machine is made with Debian's tools: this needs a Debian 12")
    build_binary(screen, options)
    install(screen, ["packages-vm.txt"])
    return Vm(screen, options.keep)


def is_debian_12() -> bool:
    """The only system whose libraries the binary fits; elsewhere it is built in Docker."""
    release = Path("/etc/os-release")
    return release.exists() and {"ID=debian", 'VERSION_ID="12"'} <= set(release.read_text().splitlines())


def stripped(folder: Path, options: argparse.Namespace) -> Path | None:
    """Without debug information the image is a tenth. None: there is no binary that would run in the image."""
    if not (options.no_build or is_debian_12()):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for program in (BINARY, GUARDIAN):
            subprocess.run(["strip", "-o", str(folder / program.name), str(program)], check=True, timeout=60)
        return folder / BINARY.name
    except (OSError, subprocess.CalledProcessError):
        return BINARY


def start(screen: Screen, options: argparse.Namespace, project: Project, watch: Watch) -> dict[str, Identity]:
    with screen.step("building two images: the governor's, and one for the coach, PostgreSQL and Redis"):
        project.build(stripped(REPOSITORY / "build/demo", options))
    watch.docker()
    with screen.step("creating the Compose project: governor, PostgreSQL with a client, Redis, AI coach"):
        project.create()
    with screen.step("starting all but the coach"):
        project.start(GOVERNOR, DATABASE, CACHE, TRACKER)
        watch.tracker()
        watch.governor()
    with screen.step("waiting until the database takes rows and the governor watches"):
        wait_ready(project, watch)
    before = project.identities(DATABASE, CACHE, COACH)
    watch.memory(project.slice, project.cgroup(before[COACH]))
    return before


def wait_ready(project: Project, watch: Watch) -> None:
    deadline = time.monotonic() + READY_SECONDS
    waiting = {"tracker": "no row in the database", "event": "no event from the governor"}
    while waiting and time.monotonic() < deadline:
        message = watch.next(1)
        if message is not None and message.kind == "ended":
            raise Trouble(ended(project, message.data))
        if message is not None and not (message.kind == "tracker" and "writes" not in message.data["line"]):
            waiting.pop(message.kind, None)
    if waiting:
        raise Trouble(f"after {READY_SECONDS} s: {', '.join(waiting.values())}")


def ended(project: Project, data: dict) -> str:
    """Why a source went away: mostly its container did, and its log tells."""
    service = TRACKER if data["source"] == "tracker" else GOVERNOR
    log = project.host.text(["sh", "-c", f"docker logs --tail 8 {container(service)} 2>&1"], check=False)
    return f"what comes from '{data['source']}' ended. {data['why']}\nThe end of the log of {service}:\n{log}"


# -- watching ------------------------------------------------------------------------------------
class Run:
    """From the coach's start to the last restart that is wanted."""

    def __init__(self, options: argparse.Namespace, project: Project, watch: Watch, measured: Measured, timeline: Timeline):
        self.options, self.project, self.watch, self.measured, self.timeline = options, project, watch, measured, timeline
        self.checks = ThreadPoolExecutor(1)  # one after the other: each goes on where the one before ended
        self.checked: list[Future] = []
        self.last_profile = 0
        self.oom_kills_before = project.oom_kills()  # an earlier demo's cgroup may still be there

    def observe(self) -> None:
        measured = self.measured
        deadline = time.monotonic() + self.options.seconds
        try:
            while len(measured.restarts) < self.options.restarts or len(measured.saves) < len(measured.restarts):
                if time.monotonic() > deadline:
                    measured.stopped_because = f"the time limit of {self.options.seconds} s came first"
                    return
                message = self.watch.next_in_order(1)
                if message is not None:
                    self.take(message)
                self.take_checked()
                if measured.events and measured.events[-1]["type"] == "breaker_opened":
                    measured.stopped_because = "the breaker opened"
                    return
        finally:
            self.checks.shutdown(wait=False, cancel_futures=True)

    def take(self, message: Message) -> None:
        measured, data = self.measured, message.data
        if message.kind == "sample":
            self.timeline.sample(data)
        elif message.kind == "docker":
            measured.docker.append(data)
            if data["Action"] == "oom":
                self.timeline.say(self.timeline.clock, "OOM", f"Docker reports an OOM in {service_of(data)}", "red")
        elif message.kind == "tracker" and "ERROR" in data["line"].upper():
            measured.tracker_errors += 1
            self.timeline.say(self.timeline.clock, "database", data["line"], "red")
        elif message.kind == "event" and data.get("service") == COACH:
            self.event(data)
        elif message.kind == "ended":
            raise Trouble(ended(self.project, data))

    def event(self, data: dict) -> None:
        measured = self.measured
        if len(measured.restarts) >= self.options.restarts:
            return  # what is wanted is done; the next round is not ours any more
        measured.events.append(data)
        self.timeline.event(data)
        if data["type"] == "restart_finished":
            number = len(measured.restarts)
            self.checked.append(self.checks.submit(self.check, number))

    def check(self, number: int) -> Save:
        save = self.project.check_save(number, self.last_profile)
        self.last_profile = save.last
        return save

    def take_checked(self) -> None:
        while len(self.measured.saves) < len(self.checked) and self.checked[len(self.measured.saves)].done():
            save = self.checked[len(self.measured.saves)].result()
            self.measured.saves.append(save)
            self.timeline.save(save)

    def conclude(self, screen: Screen) -> None:
        screen.status("")
        measured = self.measured
        with screen.step("asking the kernel, Docker and the database what happened"):
            measured.after = self.project.identities(DATABASE, CACHE)
            measured.rows, measured.longest_gap = self.project.rows()
            measured.kernel_oom_kills = self.project.oom_kills() - self.oom_kills_before
            while (message := self.watch.next(0)) is not None:
                # The timeline is over: a further trip belongs to no restart that is counted. An OOM kill always is.
                next_round = message.kind == "docker" and message.data["Action"] != "oom" and service_of(message.data) == COACH
                if message.kind != "sample" and not next_round:
                    self.take(message)


# -- all of it -----------------------------------------------------------------------------------
def explain(screen: Screen, options: argparse.Namespace) -> None:
    screen.line()
    screen.line(f"The coach leaks 20 MiB a second. At 90 % of its hard limit ({screen.glyph('┃', '|')} in the bar) the governor freezes it, has it")
    screen.line("stopped by Docker, thaws it, and it saves its work. Without the governor the kernel would kill it.")
    screen.line(f"The demo ends after {options.restarts} restarts. Full bar: memory that cannot be reclaimed; light: page cache.")
    screen.line()


def demo(screen: Screen, options: argparse.Namespace, host: Host) -> int:
    project = Project(host)
    if project.leftovers():
        raise Trouble(f"containers of the Compose project {NAME} are there already: another demo runs, or --keep left them.\n"
                      "Remove them with: deploy/demo --clean")
    watch = Watch(host)
    measured = Measured(options.restarts)
    done = False
    try:
        measured.before = start(screen, options, project, watch)
        explain(screen, options)
        with open_record(options.record) as record:
            timeline = Timeline(screen, record)
            round_ = Run(options, project, watch, measured, timeline)
            with screen.step("starting the AI coach"):
                project.start(COACH)
            round_.observe()
            round_.conclude(screen)
        good = show(screen, measured)
        done = True
        return GOOD if good else NOT_GOOD
    finally:
        screen.status("")
        watch.stop()
        if not (done and options.keep):
            clean(screen, project, host)


def clean(screen: Screen, project: Project, host: Host) -> None:
    """Not to be interrupted: the second Ctrl-C would leave what the first one wants gone."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    if isinstance(host, Here):
        with screen.step("removing the demo's containers, volumes, network and images"):
            project.down()


def told_how_to_go_on(screen: Screen, host: Host) -> None:
    prefix = f"tests/testbed/vm ssh --name {host.name} -- " if isinstance(host, Vm) else ""
    end = f"tests/testbed/vm down --name {host.name}" if isinstance(host, Vm) else "deploy/demo --clean"
    screen.line(f"\nThe stack runs on. Look:   {prefix}docker exec {container(GOVERNOR)} governor status")
    screen.line(f"Remove it:                 {end}")


def run(screen: Screen, options: argparse.Namespace) -> int:
    if options.clean:
        project = Project(Here())
        clean(screen, project, project.host)
        return GOOD
    screen.line(screen.paint("bold", "The governor's demo: a leaking AI coach, and a database beside it that must not notice"))
    host = choose(screen, options)
    kept = False
    try:
        code = demo(screen, options, host)
        kept = options.keep
        if kept:
            told_how_to_go_on(screen, host)
        return code
    finally:
        if not kept:
            host.close()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    screen = Screen()
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    try:
        return run(screen, parse(sys.argv[1:]))
    except KeyboardInterrupt:
        screen.status("")
        screen.line("Interrupted; nothing was left behind.")
        return INTERRUPTED
    except Trouble as trouble:
        screen.status("")
        screen.line(screen.paint("red", "The demo could not go on: ") + str(trouble))
        return NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
