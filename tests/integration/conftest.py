# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a virtual machine for the session, a Compose project for each test."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "testbed"))

from testbed import evidence, hosts, paths  # noqa: E402
from testbed.cli import restore  # noqa: E402
from testbed.engine import cgroup_driver  # noqa: E402
from testbed.guest import Guest  # noqa: E402
from testbed.machine import Machine  # noqa: E402
from testbed.stack import GOVERNOR, Stack  # noqa: E402
from testbed.told import Governor  # noqa: E402

PROJECT_NUMBER = itertools.count(1)
FAILED = pytest.StashKey[bool]()


class Bed:
    """Holds the VM of the session: made when first asked for, replaced when a test has failed in it."""

    def __init__(self, release: str) -> None:
        self._release = release
        self._guest: Guest | None = None

    @property
    def guest(self) -> Guest:
        if self._guest is not None and not self._guest.machine.alive():
            self.discard()
        if self._guest is None:
            # The VM belongs to this process and goes with it, even when it is killed.
            self._guest = Guest(restore(f"pytest-{os.getpid()}", die_with_parent=True, release=self._release))
            self._guest.prepare()
        return self._guest

    @property
    def machine(self) -> Machine | None:
        """The machine as it is, dead or alive: for evidence."""
        return self._guest.machine if self._guest is not None else None

    def discard(self) -> None:
        if self._guest is not None:
            self._guest.machine.discard()
            self._guest = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the complete matrix of the scenarios, three times each")
    parser.addoption("--release", choices=paths.RELEASES, default=paths.DEFAULT_RELEASE, help="the Debian release of the guest")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: part of the complete matrix only (--full)")
    config.addinivalue_line("markers", "once: not repeated by --full")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """--full runs each scenario three times: a race that shows once in three is a bug."""
    if metafunc.config.getoption("--full") and not metafunc.definition.get_closest_marker("once"):
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", [1, 2, 3])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --full the matrix is deselected, which pytest reports; nothing is skipped silently."""
    if config.getoption("--full"):
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("full")])
    items[:] = [item for item in items if not item.get_closest_marker("full")]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed and call.excinfo is not None and call.when in ("setup", "call"):
        item.stash[FAILED] = True
        # Now, before the teardown of `stack` removes the containers.
        bed = item.session.stash.get(BED, None)
        if bed is not None and bed.machine is not None:
            folder = evidence.collect(bed.machine, item.nodeid)
            report.sections.append(("evidence", f"kept in {folder}"))


BED = pytest.StashKey[Bed]()


@pytest.fixture(scope="session")
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    held = Bed(request.config.getoption("--release"))
    request.session.stash[BED] = held
    yield held
    held.discard()


@pytest.fixture
def vm(bed: Bed, request: pytest.FixtureRequest) -> Iterator[Guest]:
    """The Docker host. Shared by the tests, but never one in which a test has failed."""
    yield bed.guest
    if request.node.stash.get(FAILED, False):
        bed.discard()


@pytest.fixture
def driver(vm: Guest, request: pytest.FixtureRequest) -> Iterator[str]:
    """Docker with this cgroup driver (an indirect parameter). Ask for it before `stack`, which must be gone before it changes."""
    with cgroup_driver(vm, request.param):
        yield request.param


# Variants of the host. Ask for them before `stack`: its containers must be gone before the host changes back.
@pytest.fixture
def swap_host(vm: Guest) -> Iterator[Guest]:
    """The host with a swap file of 1 GiB."""
    with hosts.swap(vm):
        yield vm


@pytest.fixture
def zram_host(vm: Guest) -> Iterator[Guest]:
    """The host with swap in compressed memory, 1 GiB before compression."""
    with hosts.zram(vm):
        yield vm


SliceOf = Callable[..., str]


@pytest.fixture
def slice_of(vm: Guest) -> Iterator[SliceOf]:
    """Makes slice units: slice_of("tight.slice", MemoryMax="200M")."""
    with contextlib.ExitStack() as made:
        yield lambda name, **limits: made.enter_context(hosts.slice_of(vm, name, **limits))


@pytest.fixture
def userns_host(bed: Bed, vm: Guest) -> Iterator[Guest]:
    """The host with userns-remap, in a machine that is discarded afterwards. Its one image is hosts.REMAPPED_IMAGE."""
    hosts.remap_users(vm)
    yield vm
    bed.discard()


@pytest.fixture
def apparmor_host(bed: Bed, vm: Guest) -> Iterator[Guest]:
    """The host with AppArmor, in a machine that is discarded afterwards."""
    hosts.switch_on_apparmor(vm)
    yield vm
    bed.discard()


@pytest.fixture
def stack(vm: Guest, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A Compose project of this test's own, removed afterwards."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:24].strip("-")
    # The number keeps the projects of one test's parameters apart in the recorded events.
    made = Stack(vm, f"{slug}-{next(PROJECT_NUMBER)}")
    yield made
    if not request.node.stash.get(FAILED, False):  # after a failure the whole VM goes
        try:
            if GOVERNOR in made.services:
                Governor(made).check_schema()
            made.down()
        except BaseException:
            request.node.stash[FAILED] = True
            raise
