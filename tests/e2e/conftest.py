"""The fixtures: one server that most tests share, private ones for those that stop it or configure it, and people.

MADANG_TEST_ENGINES (default 1) is the number of engines; MADANG_TEST_COMMAND replaces the command that starts a server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.api import Api, close_idle_connections
from harness.contract import known_contract
from harness.device import Device, MakePerson, unique
from harness.raw import close_raw_connections
from harness.server import MakeServer, Server
from harness.websocket import close_sockets

CROWD = 100

_servers: list[Server] = []


@pytest.fixture(scope="session")
def engines() -> int:
    return int(os.environ.get("MADANG_TEST_ENGINES", "1"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, engines: int) -> Iterator[Server]:
    """The shared server: never stopped or overloaded by a test."""
    shared = Server(tmp_path_factory.mktemp("shared"), engines=engines)
    _servers.append(shared)
    shared.start()
    yield shared
    _end(shared)


@pytest.fixture
def make_server(tmp_path: Path, engines: int) -> Iterator[MakeServer]:
    """Makes and starts servers of the test's own: `make_server(config="…", engines=3)`."""
    made: list[Server] = []

    def make(*, start: bool = True, folder: Path | None = None, **options: Any) -> Server:
        own = Server(folder or tmp_path / f"server-{len(made)}", **{"engines": engines, **options})
        made.append(own)
        _servers.append(own)
        if start:
            own.start()
        return own

    yield make
    close_everything()  # or the stop would wait for sockets that nobody reads
    for own in made:
        if own.running:
            _end(own)
        _servers.remove(own)


def _end(server: Server) -> None:
    try:
        code = server.stop()
    except Exception:
        server.kill9()
        raise
    assert code == 0, f"the server ended with {code}\n{server.log_tail()}"


@pytest.fixture(autouse=True)
def the_shared_server_lives(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that crashes the shared server is the one that fails."""
    for one in _servers:
        one.mark_log()
    yield
    if "server" in request.fixturenames:
        shared: Server = request.getfixturevalue("server")
        assert shared.running, "the shared server died in this test"
        assert shared.ready(), "the shared server isn't ready after this test"


@pytest.fixture(autouse=True)
def what_a_test_opened_is_closed() -> Iterator[None]:
    yield
    close_everything()


def close_everything() -> None:
    close_sockets()
    close_raw_connections()
    close_idle_connections()


@pytest.fixture
def api(server: Server) -> Api:
    """The shared server without an account."""
    return server.api


@pytest.fixture
def person(api: Api) -> MakePerson:
    """Signs somebody new up at the shared server and logs in: `person("alice")`."""
    return lambda name="someone": Device.sign_up(api, unique(name))


@pytest.fixture
def alice(person: MakePerson) -> Device:
    return person("alice")


@pytest.fixture
def bob(person: MakePerson) -> Device:
    return person("bob")


@pytest.fixture
def carol(person: MakePerson) -> Device:
    return person("carol")


@pytest.fixture
def mallory(person: MakePerson) -> Device:
    """Belongs to no conversation of the others."""
    return person("mallory")


@pytest.fixture(scope="session")
def crowd(server: Server) -> list[Device]:
    """A hundred people of the shared server, made once: what they have in their inboxes is of no test's own."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda n: Device.sign_up(server.api, unique(f"crowd-{n}")), range(CROWD)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """After a run of all tests here: which calls of the published protocol nobody has made with success."""
    is_whole = all(Path(argument).is_dir() for argument in config.args) and not (config.option.keyword or config.option.collectonly)
    contract = known_contract()
    if is_whole and contract is not None and (missing := contract.never_made()):
        terminalreporter.write_line(f"note: no end-to-end test makes these calls with success: {', '.join(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.failed:
        for server in _servers:
            if tail := server.log_tail():
                report.sections.append((f"log of {server.url}", tail))
    return report
