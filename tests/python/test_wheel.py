"""The repaired wheel: small, complete, and able to serve where the system has none of its libraries.

The libraries are hidden in a mount namespace of the test's own: an empty file is bound over each of them. That the hiding works is
proved by the wheel as it was before its libraries were put in, which must not start there.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
SIZE_MAX = 25 << 20
# Python itself, mount and bash need these: they stay where they are.
OF_THE_SYSTEM = ("crypto", "ssl", "z", "lzma", "bz2", "zstd", "lz4", "stdc++", "gcc_s", "expat", "ffi")

SERVE = """
import json, os, sys, urllib.request
import madang
from madang import _core
with madang.Server(sys.argv[1]) as server:
    body = json.dumps({"username": "alice", "password": "correct horse"}).encode()
    request = urllib.request.Request(server.url + "/v1/users", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
print("served by", os.path.dirname(_core.__file__))
"""


def one(pattern: str) -> Path:
    found = sorted(ROOT.glob(pattern))
    assert len(found) == 1, f"{pattern}: {found}; tests/run wheel builds them"
    return found[0]


@pytest.fixture(scope="module")
def wheel() -> Path:
    return one("wheelhouse/madang-*.whl")


def bundled(wheel: Path) -> list[str]:
    """The libraries inside, by their plain names: `librocksdb-1a2b3c4d.so.7.8.3` is rocksdb."""
    with zipfile.ZipFile(wheel) as archive:
        names = [Path(name).name for name in archive.namelist() if ".libs/" in name]
    plain = [re.match(r"lib(.+?)-[0-9a-f]{8}(\.|-|$)", name) or re.match(r"lib(.+?)\.so", name) for name in names]
    return sorted({match[1] for match in plain if match})


def install(wheel: Path, folder: Path) -> Path:
    """An empty environment with nothing but the wheel (what the server needs), and its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, env=clean_environment())
    return python


def clean_environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def may_unshare() -> list[str] | None:
    """What enters a mount namespace of our own; None where the machine forbids it."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def files_of(library: str) -> set[str]:
    return {str(path.resolve()) for path in LIBRARIES.glob(f"lib{library}[.-]*so*")}


def run_without_libraries(python: Path, names: list[str], program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    hidden = set[str]().union(*(files_of(name) for name in names if not name.startswith(OF_THE_SYSTEM)))
    assert any("rocksdb" in path for path in hidden), hidden
    enter = may_unshare()
    if enter is None:
        pytest.skip("THIS MACHINE FORBIDS MOUNT NAMESPACES: that the wheel needs no installed libraries was NOT tested")
    mounts = [f"mount --bind /dev/null {shlex.quote(path)}" for path in sorted(hidden)]
    script = "\n".join(["set -e", *mounts, shlex.join(["exec", str(python), "-c", program, *arguments])])
    return subprocess.run(
        [*enter, "bash", "-c", script], env=clean_environment(), cwd="/", capture_output=True, text=True, timeout=120, check=False
    )


def test_it_is_small_and_says_what_it_runs_on(wheel: Path) -> None:
    assert wheel.stat().st_size <= SIZE_MAX
    assert re.fullmatch(r"madang-[0-9.]+-cp3\d+-cp3\d+-manylinux_2_3\d_x86_64\.whl", wheel.name)


def test_it_holds_the_package_its_types_and_its_libraries_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"madang", "madang.libs"}
    modules = [name for name in names if Path(name).name.startswith("_core.") and name.endswith(".so")]
    assert len(modules) == 1
    assert {
        "madang/py.typed",
        "madang/_core.pyi",
        "madang/cli/parser.py",
        "madang/protocol/openapi.json",
        "madang/protocol/asyncapi.json",
    } <= set(names)
    assert not [name for name in names if name.endswith((".cpp", ".hpp", ".a"))]
    assert "rocksdb" in bundled(wheel)


def test_it_serves_in_an_empty_environment_without_the_systems_libraries(wheel: Path, tmp_path: Path) -> None:
    python = install(wheel, tmp_path / "venv")
    ended = run_without_libraries(python, bundled(wheel), SERVE, str(tmp_path / "data"))
    assert ended.returncode == 0, ended.stderr
    assert str(tmp_path / "venv") in ended.stdout


def test_the_same_without_its_libraries_does_not_start_there(wheel: Path, tmp_path: Path) -> None:
    python = install(one("build/dist/madang-*.whl"), tmp_path / "venv")
    ended = run_without_libraries(python, bundled(wheel), SERVE, str(tmp_path / "data"))
    assert ended.returncode != 0
    assert "ImportError" in ended.stderr


def test_its_command_is_installed_and_quick(wheel: Path, tmp_path: Path) -> None:
    command = install(wheel, tmp_path / "venv").with_name("madang")
    assert os.access(command, os.X_OK)
    helped = subprocess.run([str(command), "--help"], env=clean_environment(), capture_output=True, text=True, timeout=10, check=True)
    assert "madang serve" in helped.stdout
