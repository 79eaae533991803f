"""Every block of README.md, run from the top to the bottom as a reader would, against real servers in a temporary folder.

Addresses and folders of the page are replaced by the test's own. What a reader does between two blocks (a password, a greeting for the bot)
is done here. A block of a kind that nobody here knows how to run fails the test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

import madang
from madang.testing.chat_server import free_port

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITHIN_S = 60
PASSWORD = "correct horse"
# Run by tests/run itself: it is the second, and its part `wheel` builds and installs what the third does. The first is the test below.
OF_THE_WHOLE_TREE = ("examples/quickstart", "tests/run", "pip install .")


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"README.md:{self.line}\n{self.text}"


def blocks() -> list[Block]:
    page = README.read_text(encoding="utf-8")
    return [Block(page[: found.start()].count("\n") + 2, found[1], found[2]) for found in BLOCK.finditer(page)]


class Reader:
    """Somebody with a terminal, a browser and an editor.

    Attributes:
        served: what the server has printed at its start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.served: list[str] = []
        self._server: subprocess.Popen[str] | None = None
        self._environment = os.environ | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(madang.__file__).parents[1]),
            "MADANG_SERVER__PORT": str(self.port),
            "MADANG_URL": self.url,
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self._shell_state = folder / "shell"
        self._shell_state.write_text(f"cd {folder}\n", encoding="utf-8")
        (folder / "bin").mkdir()
        command = folder / "bin" / "madang"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m madang "$@"\n', encoding="utf-8")
        command.chmod(0o755)

    def own(self, text: str) -> str:
        """With the test's addresses and folders."""
        for of_the_page, here in (("127.0.0.1:8080", f"127.0.0.1:{self.port}"), ("/tmp/", f"{self.folder}/")):
            text = text.replace(of_the_page, here)
        return text

    # ---- shell ----

    def script(self, text: str) -> str:
        """Bash that knows what earlier blocks have set, and that ends at the first error."""
        state = shlex.quote(str(self._shell_state))
        keep = f'{{ declare -p; declare -f; printf "cd %q\\n" "$PWD"; }} >{state}'
        return f"source {state} 2>/dev/null\nset -e\n{self.own(text)}\nset +e\n{keep}\n"

    def shell(self, text: str, *, typed: str = "") -> str:
        command = ["bash", "-c", self.script(text)]
        ended = subprocess.run(command, env=self._environment, input=typed, capture_output=True, text=True, timeout=WITHIN_S, check=False)
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def serve(self, text: str) -> None:
        """In another terminal, instead of the server before."""
        self.close()
        command = ["bash", "-c", self.script(text.replace("madang serve", "exec madang serve"))]
        self._server = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        self.served = []
        for line in self._server.stdout:
            self.served.append(line)
            if line.startswith("ready "):
                return
        raise AssertionError("".join(self.served))

    def follow(self, text: str, until: str) -> str:
        """A command that doesn't end by itself, until it has printed that."""
        command = ["bash", "-c", self.script(text.replace("madang tail", "exec madang tail"))]
        with subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            said = ""
            for line in following.stdout:
                said += line
                if until in said:
                    break
            following.send_signal(signal.SIGINT)
            assert following.wait(WITHIN_S) in (0, 130)
        return said

    def configure(self, text: str) -> None:
        """At the end of the file that the page has made."""
        with (self.folder / "site" / "madang.toml").open("a", encoding="utf-8") as file:
            file.write(text.replace("200ms", "20s"))  # the machine may be busy
        assert "no errors" in self.shell("madang config check")
        self.serve("madang serve")

    # ---- Python ----

    def python(self, text: str) -> str:
        if re.search(r"^async with", text, re.MULTILINE):
            lines = "\n".join(f"    {line}" for line in text.splitlines())
            text = f"import asyncio\nasync def main():\n{lines}\nasyncio.run(main())\n"
        command = [sys.executable, "-c", self.own(text)]
        ended = subprocess.run(
            command, env=self._environment, cwd=self.folder, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def tests(self, text: str) -> str:
        """With the plugin, as if the package were installed."""
        folder = self.folder / "tests"
        folder.mkdir(exist_ok=True)
        (folder / "test_page.py").write_text(text, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "madang.testing.plugin", "-p", "no:cacheprovider", str(folder)]
        surroundings = {**self._environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        del surroundings["MADANG_SERVER__PORT"]  # the kit's servers have ports of their own
        ended = subprocess.run(command, env=surroundings, cwd=folder, capture_output=True, text=True, timeout=WITHIN_S, check=False)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def bot(self, text: str, say: str) -> str:
        """Runs it, has somebody say that to it, and returns the answer."""
        program = self.folder / "bot.py"
        program.write_text(text.replace("madang.Bot(", f"madang.Bot({self.url!r}, "), encoding="utf-8")
        surroundings = self._environment | {"MADANG_USERNAME": "robot", "MADANG_PASSWORD": PASSWORD}
        with subprocess.Popen([sys.executable, str(program)], env=surroundings, stderr=subprocess.PIPE, text=True) as bot:
            assert bot.stderr is not None
            said = ""
            while "is ready" not in said:
                line = bot.stderr.readline()
                assert line, said
                said += line
            reading = threading.Thread(target=bot.stderr.read)
            reading.start()
            try:
                answer = self.ask("@robot", say)
            finally:
                bot.terminate()
                assert bot.wait(WITHIN_S) == 0
                reading.join()
        return answer

    def ask(self, who: str, say: str) -> str:
        with madang.Client(self.url, username="dana", password=PASSWORD) as dana:
            dana.send(who, say)
            for event in dana.events(timeout=WITHIN_S):
                if event.message.sender != dana.user:
                    return event.message.text
        raise AssertionError("no answer")

    # ---- the browser ----

    def browse(self, text: str, conversation: str, until: str) -> None:
        """Says the frames of the block over a socket that is opened as the page does, as Alice, and hears what comes until that."""
        [token] = [line.split()[-1] for line in self.served if line.startswith("demo: alice")]
        opening = re.search(r'new WebSocket\("([^"]+)", \["([^"]+)", "bearer\." \+ token\]\)', "".join(each.text for each in blocks()))
        assert opening is not None
        subprotocols = [Subprotocol(opening[2]), Subprotocol(f"bearer.{token}")]
        with connect(self.own(opening[1]), subprotocols=subprotocols) as socket:
            for literal in re.findall(r"JSON\.stringify\((\{.*?\})\)", text):
                frame = re.sub(r"([{,]\s*)(\w+):", r'\1"\2":', literal).replace('"…"', f'"{conversation}"')
                socket.send(json.dumps(json.loads(frame)))
            while until not in (frame := str(socket.recv(WITHIN_S))):
                assert '"error"' not in frame, frame

    def close(self) -> None:
        if self._server is not None:
            self._server.terminate()
            assert self._server.wait(WITHIN_S) == 0
            self._server.stdout.close()  # type: ignore[union-attr]
            self._server = None


def read(reader: Reader, block: Block) -> None:
    """One block, and that it does what the page says of it."""
    text = block.text
    run: dict[str, Callable[[], None]] = {
        "sh": lambda: read_shell(reader, text),
        "python": lambda: read_python(reader, text),
        "toml": lambda: reader.configure(text),
    }
    if block.language == "js":
        conversation = reader.shell("echo $talk").strip()
        reader.browse(text, conversation, until="Hi Alice! 안녕!" if "attach" in text else "Hi Dana!")
    else:
        run[block.language]()


def read_shell(reader: Reader, text: str) -> None:
    if any(command in text for command in OF_THE_WHOLE_TREE):
        for command in text.splitlines():
            assert command.startswith(OF_THE_WHOLE_TREE), command
    elif "madang serve" in text:
        reader.serve(text)
    elif "madang tail" in text:
        assert "alice: Hi Dana!" in reader.follow(text, "Hi Dana!")
    elif "madang chat" in text:
        assert "I type this." in reader.shell(text, typed="I type this.\n")
    else:
        told = reader.shell(text, typed=f"{PASSWORD}\n")
        for asked, answer in SHELL_ANSWERS.items():
            assert asked not in text or re.search(answer, told), f"{answer} isn't in\n{told}"
        if '"m1"' in text:
            [again] = [line for line in text.splitlines() if '"m1"' in line]
            assert reader.shell(again).strip() in told


# What is in the block, and what it prints then.
SHELL_ANSWERS = {
    "call users -d": r'"username":"dana"',
    "sync?cursor=0": r'"type":"message.created"',
    "user add robot": r"robot",
    "config show": r'host = "127.0.0.1"',
    "user list": r'"username": "alice"',
    "readyz": r"ready",
    "/metrics": r"(?m)^madang_engine_users.* 1$",
}


def read_python(reader: Reader, text: str) -> None:
    if "def test_" in text:
        assert re.search(r"\d passed", reader.tests(text))
    elif "from_env()" in text:
        assert 1 <= int(reader.bot(text, "/roll 20")) <= 20
    elif "bot.run()" in text:
        assert reader.bot(text, "Hello!") == "Hello Dana, number 1!"
    elif "class House" in text:
        assert "be kind" in reader.python(text)
    elif "sign_up" in text:
        assert "hi" in reader.python(text)
    else:
        assert re.search(r"http://127\.0\.0\.1:\d+", reader.python(text))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    made.close()


def test_every_block_of_the_readme_does_what_it_says(reader: Reader) -> None:
    found = blocks()
    assert len(found) > 15
    for block in found:
        try:
            read(reader, block)
        except Exception as error:
            raise AssertionError(f"{block}\n{error}") from error


def test_the_quickstart_plays_through(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(madang.__file__).parents[1])}
    command = [sys.executable, str(ROOT / "examples" / "quickstart.py"), "--once"]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Nothing was lost" in ended.stdout


def test_links_of_pages_for_users_lead_somewhere() -> None:
    for page in (README, ROOT / "examples" / "README.md"):
        text = page.read_text(encoding="utf-8")
        headings = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert target.removeprefix("#") in headings if target.startswith("#") else (page.parent / target).exists(), (
                f"{page.name}: {target}"
            )
