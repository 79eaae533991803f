"""`madang.Server`: a server inside a program, blocking and async, through starts, stops, faults and forks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

import madang

WITHIN_S = 60


def is_ready(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
        return bool(answer.status == 200)


def sign_up(url: str, username: str) -> str:
    body = json.dumps({"username": username, "password": "correct horse"}).encode()
    request = urllib.request.Request(f"{url}/v1/users", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["id"])


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, for what ends or spoils a process."""
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_a_blocking_server_serves_until_its_block_ends(tmp_path: Path) -> None:
    with madang.Server(data=tmp_path) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.data == tmp_path
        assert is_ready(server.url)
        url = server.url
    with pytest.raises(OSError, match="refused"):
        is_ready(url)


def test_an_async_server_serves_and_leaves_the_loop_free(tmp_path: Path) -> None:
    async def main() -> bool:
        async with madang.Server(data=tmp_path) as server:
            return await asyncio.to_thread(is_ready, server.url)

    assert asyncio.run(main())


def test_a_cancelled_start_leaves_no_server_behind(tmp_path: Path) -> None:
    async def main() -> None:
        starting = asyncio.ensure_future(madang.Server(data=tmp_path).__aenter__())
        await asyncio.sleep(0)  # until it has begun
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(main())
    with madang.Server(data=tmp_path) as server:
        assert is_ready(server.url)


def test_what_was_stored_is_there_after_twenty_starts(tmp_path: Path) -> None:
    server = madang.Server(data=tmp_path)
    for start in range(20):
        with server:
            sign_up(server.url, f"user{start}")
    with server, pytest.raises(urllib.error.HTTPError) as taken:
        sign_up(server.url, "user7")
    taken.value.close()
    assert taken.value.status == 409


@pytest.mark.parametrize("engines", [1, 3])
def test_two_servers_live_side_by_side(tmp_path: Path, engines: int) -> None:
    with madang.Server(tmp_path / "a", engines=engines) as first, madang.Server(tmp_path / "b", engines=engines) as second:
        assert first.port != second.port
        sign_up(first.url, "alice")
        sign_up(second.url, "alice")


def test_a_data_folder_in_use_is_refused_and_named(tmp_path: Path) -> None:
    with madang.Server(tmp_path) as server:
        with pytest.raises(madang.StartError, match=str(tmp_path)):
            madang.Server(tmp_path).start()
        assert is_ready(server.url)


def test_a_port_in_use_is_refused_and_leaves_the_folder_free(tmp_path: Path) -> None:
    with madang.Server(tmp_path / "a") as server, pytest.raises(madang.StartError, match=str(server.port)):
        madang.Server(tmp_path / "b", port=server.port).start()
    with madang.Server(tmp_path / "b") as other:
        assert is_ready(other.url)


def test_a_wrong_value_is_an_error_that_names_its_key(tmp_path: Path) -> None:
    with pytest.raises(madang.ConfigError, match=r"limits\.group_members") as caught:
        madang.Server(tmp_path, overrides={"limits.group_members": 100_000, "limits.text_chars": 0}).start()
    assert len(caught.value.errors) == 2


def test_a_file_and_single_keys_configure_it(tmp_path: Path) -> None:
    config = tmp_path / "madang.toml"
    config.write_text('[server]\nport = 0\ndata = "never-used"\n[accounts]\nsign_up = false\n')
    with (
        madang.Server(tmp_path / "data", config=config, overrides={"server.region": "seoul"}) as server,
        pytest.raises(urllib.error.HTTPError) as refused,
    ):
        sign_up(server.url, "alice")
    refused.value.close()
    assert refused.value.status == 403
    assert not (tmp_path / "never-used").exists()


def test_starting_twice_and_asking_a_stopped_one_are_errors_and_stopping_twice_is_not(tmp_path: Path) -> None:
    server = madang.Server(tmp_path)
    with pytest.raises(madang.Error, match="isn't running"):
        server.url  # noqa: B018
    server.start()
    with pytest.raises(madang.Error, match="runs already"):
        server.start()
    server.stop()
    server.stop()
    assert "not running" in repr(server)


def test_one_thread_may_stop_what_another_has_started(tmp_path: Path) -> None:
    server = madang.Server(tmp_path)
    server.start()
    stoppers = [threading.Thread(target=server.stop) for _ in range(4)]
    for stopper in stoppers:
        stopper.start()
    for stopper in stoppers:
        stopper.join(WITHIN_S)
        assert not stopper.is_alive()


def test_python_runs_on_while_a_server_starts_and_stops(tmp_path: Path) -> None:
    done = threading.Event()
    turns = 0

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1

    counter = threading.Thread(target=count)
    counter.start()
    try:
        with madang.Server(tmp_path):
            pass
    finally:
        done.set()
        counter.join()
    assert turns > 1_000


FORGETS_TO_STOP = """
import madang, sys
server = madang.Server(sys.argv[1])
server.start()
print("up", flush=True)
"""


def test_a_program_that_forgets_to_stop_ends_cleanly(tmp_path: Path) -> None:
    ended = run_python(FORGETS_TO_STOP, str(tmp_path))
    assert (ended.returncode, ended.stdout) == (0, "up\n"), ended.stderr


def test_a_program_that_raises_ends_with_its_own_error(tmp_path: Path) -> None:
    ended = run_python(FORGETS_TO_STOP + "raise SystemExit(7)", str(tmp_path))
    assert ended.returncode == 7, ended.stderr


FORKS = """
import madang, os, sys, urllib.request
server = madang.Server(sys.argv[1])
server.start()
child = os.fork()
if child == 0:
    for call in (lambda: server.url, server.start, server.stop):
        try:
            call()
            print("no error")
        except madang.Error as error:
            print(error)
    sys.exit(5)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert urllib.request.urlopen(server.url + "/readyz").status == 200
server.stop()
print("child ended with", code)
"""


def test_a_forked_child_is_told_and_leaves_its_parents_server_alone(tmp_path: Path) -> None:
    ended = run_python(FORKS, str(tmp_path))
    *refusals, last = ended.stdout.splitlines()
    assert (ended.returncode, last) == (0, "child ended with 5"), ended
    assert len(refusals) == 3
    assert all("after the fork" in refusal for refusal in refusals)


SUB_INTERPRETER = """
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
other = interpreters.create()
interpreters.run_string(other, '''
import madang
try:
    madang.Server
    print("no error", flush=True)
except ImportError as error:
    print(error, flush=True)
''')
interpreters.destroy(other)
"""


def test_a_sub_interpreter_is_refused_with_a_reason() -> None:
    ended = run_python(SUB_INTERPRETER)
    assert ended.returncode == 0, ended.stderr
    assert "main interpreter only" in ended.stdout


def test_importing_madang_loads_neither_core_nor_network_libraries() -> None:
    ended = run_python(
        "import sys, madang, madang.cli; print([m for m in sys.modules if m in ('madang._core', 'asyncio', 'websockets', 'ssl')])"
    )
    assert ended.stdout == "[]\n", ended
