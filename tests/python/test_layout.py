"""The top level holds exactly what was agreed, so that whoever opens the repository sees at once where a change goes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = {"CMakeLists.txt", "LICENSE", "README.md", "bindings", "cpp", "examples", "pyproject.toml", "python", "tests"}
VAGUE = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git work tree")
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    return listing.stdout.splitlines()


def test_top_level_is_exactly_as_agreed() -> None:
    assert {top for path in tracked() if not (top := path.split("/")[0]).startswith(".")} == TOP


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in tracked() if Path(path).stem in VAGUE] == []


def test_python_and_cpp_files_are_snake_case() -> None:
    files = [Path(path) for path in tracked() if path.endswith((".py", ".cpp", ".hpp"))]
    assert files
    assert [path for path in files if path.stem != path.stem.lower() or "-" in path.stem] == []
