"""examples/group-chat.toml: rooms of 10, texts of 1,000 characters, titles of 30."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.api import Api, refused
from harness.device import Device, unique
from harness.server import MakeServer

PRESET = Path(__file__).resolve().parents[2] / "examples" / "group-chat.toml"


@pytest.fixture
def preset(make_server: MakeServer) -> Iterator[Api]:
    """A server with the preset."""
    client = Api(make_server(config_file=PRESET))
    yield client
    client.close_idle()


@pytest.fixture
def owner(preset: Api) -> Device:
    return Device.sign_up(preset, unique("owner"))


def guests(preset: Api, count: int) -> list[Device]:
    return [Device.sign_up(preset, unique("guest")) for _ in range(count)]


def test_a_group_takes_ten_members_and_no_eleventh(preset: Api, owner: Device) -> None:
    *nine, late = guests(preset, 10)
    group = owner.group(*nine)
    assert len(owner.members(group)) == 10
    with refused("group_full"):
        owner.call("PUT", f"/conversations/{group}/members/{late.id}", {})
    with refused("group_full"):
        owner.group(*nine, late)
    assert len(owner.members(group)) == 10
    assert late.conversations() == []


def test_a_text_takes_a_thousand_characters_of_any_script(preset: Api, owner: Device) -> None:
    group = owner.group(*guests(preset, 1))
    assert owner.send(group, "가" * 1_000)["text"] == "가" * 1_000
    with refused("text_too_long"):
        owner.send(group, "가" * 1_001)
    assert len(owner.all_messages(group)) == 1


def test_a_title_takes_thirty_characters(preset: Api, owner: Device) -> None:
    group = owner.group(*guests(preset, 1), title="마" * 30)
    assert owner.get(f"/conversations/{group}")["title"] == "마" * 30
    with refused("bad_request"):
        owner.call("PATCH", f"/conversations/{group}", {"title": "마" * 31})
    with refused("bad_request"):
        owner.group(title="마" * 31)
    assert owner.get(f"/conversations/{group}")["title"] == "마" * 30
