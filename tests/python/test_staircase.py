"""The rooms of cpp/ form a staircase: an #include only ever points to the own room or further down, and each library lives in one room."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A room may include itself and any room of a lower step; rooms of one step don't know each other.
STEPS = (("base",), ("model",), ("wire", "store", "hooks"), ("chat",), ("net",), ("server",), ("app", "bindings"))
STEP_OF = {room: step for step, rooms in enumerate(STEPS) for room in rooms}

# Include prefix -> the only folders that may know it. The longest prefix decides.
HOMES: Mapping[str, tuple[str, ...]] = {
    "nlohmann/": ("wire",),
    "rocksdb/": ("store/rocks",),
    "boost/": ("net",),
    "boost/asio": ("net", "server"),
    "openssl/": ("net",),
    "sodium": ("base",),
    "utf8proc": ("base",),
    "spdlog/": ("base",),
    "toml++/": ("server",),
    "prometheus/": ("server",),
    "pybind11/": ("bindings",),
}
# What may construct the store with RocksDB inside; everybody else knows only store/store.hpp.
MAY_USE_ROCKS = ("store/rocks", "server", "app")

SYSTEM = re.compile(r"[a-z0-9_]+(\.h)?|(sys|netinet|arpa|linux)/[a-z0-9_]+\.h")
INCLUDE = re.compile(r"^\s*#\s*include\s+(?P<open>[<\"])(?P<name>[^>\"]+)[>\"]", re.MULTILINE)

Sources = Mapping[str, str]  # path relative to cpp/ (or "bindings/…") -> text


def sources() -> dict[str, str]:
    files = [*(ROOT / "cpp").rglob("*.[ch]pp"), *(ROOT / "bindings").rglob("*.[ch]pp")]
    return {str(file.relative_to(ROOT)).removeprefix("cpp/"): file.read_text(encoding="utf-8") for file in files}


def includes(text: str) -> list[tuple[bool, str]]:
    return [(found["open"] == "<", found["name"]) for found in INCLUDE.finditer(text)]


def resolve(path: str, name: str, known: Sources) -> str | None:
    """An include in quotes is written from cpp/ or from the file's own folder."""
    beside = str(Path(path).parent / name)
    return next((candidate for candidate in (name, beside) if candidate in known), None)


def own_include_faults(path: str, name: str, known: Sources) -> Iterable[str]:
    target = resolve(path, name, known)
    if target is None:
        yield f'{path}: "{name}" is no file of ours'
        return
    here, there = path.split("/")[0], target.split("/")[0]
    if here != there and STEP_OF[there] >= STEP_OF[here]:
        yield f"{path}: {here} may not include {there} ({name})"
    if target.startswith("store/rocks/") and not path.startswith(MAY_USE_ROCKS):
        yield f"{path}: only {', '.join(MAY_USE_ROCKS)} may include {name}"


def library_include_faults(path: str, name: str) -> Iterable[str]:
    prefixes = [prefix for prefix in HOMES if name.startswith(prefix)]
    if prefixes:
        homes = HOMES[max(prefixes, key=len)]
        if not path.startswith(tuple(f"{home}/" for home in homes)):
            yield f"{path}: <{name}> lives in {', '.join(homes)}"
    elif not SYSTEM.fullmatch(name):
        yield f"{path}: <{name}> has no room; name its home in HOMES"


def staircase_faults(known: Sources) -> list[str]:
    faults: list[str] = []
    for path, text in sorted(known.items()):
        if path.split("/")[0] not in STEP_OF:
            faults.append(f"{path}: a room without a step")
            continue
        for is_library, name in includes(text):
            faults += library_include_faults(path, name) if is_library else own_include_faults(path, name, known)
    return faults


def include_loops(known: Sources) -> list[str]:
    edges = {
        path: [target for is_library, name in includes(text) if not is_library and (target := resolve(path, name, known))]
        for path, text in known.items()
    }
    done: set[str] = set()
    loops: list[str] = []

    def visit(path: str, trail: list[str]) -> None:
        if path in trail:
            loops.append(" -> ".join([*trail[trail.index(path) :], path]))
        elif path not in done:
            for target in edges[path]:
                visit(target, [*trail, path])
            done.add(path)

    for path in sorted(edges):
        visit(path, [])
    return loops


def test_includes_only_point_down_the_staircase() -> None:
    known = sources()
    assert len(known) > 20
    assert staircase_faults(known) == []


def test_no_file_includes_itself_through_others() -> None:
    assert include_loops(sources()) == []


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        ("base/clock.hpp", '#include "model/user.hpp"', "base may not include model"),
        ("wire/json.cpp", '#include "store/store.hpp"', "wire may not include store"),
        ("chat/engine.cpp", '#include "store/rocks/rocks_store.hpp"', "may include store/rocks/rocks_store.hpp"),
        ("chat/engine.cpp", "#include <nlohmann/json.hpp>", "lives in wire"),
        ("server/server.cpp", "#include <boost/beast/core.hpp>", "lives in net"),
        ("store/records.cpp", "  #  include <rocksdb/db.h>", "lives in store/rocks"),
        ("net/listener.cpp", "#include <curl/curl.h>", "has no room"),
        ("net/listener.cpp", '#include "net/gone.hpp"', "is no file of ours"),
        ("attic/old.cpp", "", "a room without a step"),
    ],
)
def test_a_step_up_is_found(path: str, line: str, fault: str) -> None:
    known = {"model/user.hpp": "", "store/store.hpp": "", "store/rocks/rocks_store.hpp": "", path: line}
    assert [found for found in staircase_faults(known) if fault in found]


def test_a_loop_is_found() -> None:
    known = {"chat/a.hpp": '#include "chat/b.hpp"', "chat/b.hpp": '#include "c.hpp"', "chat/c.hpp": '#include "chat/a.hpp"'}
    assert include_loops(known) == ["chat/a.hpp -> chat/b.hpp -> chat/c.hpp -> chat/a.hpp"]
