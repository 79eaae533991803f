"""Sign-up, log-in, profile and settings."""

from __future__ import annotations

import json
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.api import Api, Problem, refused
from harness.device import PASSWORD, Device, unique

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ID = re.compile(r"[1-9]\d{0,18}")


def test_signing_up_answers_with_the_account(api: Api) -> None:
    name = unique("alice")
    user = api.sign_up(name, PASSWORD, "Alice 앨리스")
    assert user["username"] == name
    assert user["display_name"] == "Alice 앨리스"
    assert ID.fullmatch(user["id"])
    assert TIME.fullmatch(user["created_at"])
    assert user["settings"] == {}
    assert "password" not in json.dumps(user)


def test_a_display_name_is_optional_and_never_null(api: Api) -> None:
    assert api.sign_up(unique("plain"), PASSWORD).get("display_name", "") == ""


def test_logging_in_answers_with_a_session(api: Api) -> None:
    name = unique("alice")
    user = api.sign_up(name, PASSWORD)
    session = Device.log_in(api, name).session
    assert session["user"] == user
    assert ID.fullmatch(session["device_id"])
    assert TIME.fullmatch(session["expires_at"])
    assert session["cursor"] == 0
    assert re.fullmatch(r"[A-Za-z0-9_-]{40,}", session["token"])


def test_logging_in_names_this_server(api: Api) -> None:
    name = unique("alice")
    api.sign_up(name, PASSWORD)
    session = Device.log_in(api, name).session
    assert session["servers"][0]["url"].endswith(f":{api.address.port}")


@pytest.mark.parametrize("stem", ["한글이름", "Ünïcödé", "мария", "用户", "محمد", "a.b_c-d", "0", "ｗｉｄｅ", "नम"], ids=range(9))
def test_usernames_of_any_script_are_taken(api: Api, stem: str) -> None:
    name = stem + unique("")
    assert api.sign_up(name, PASSWORD)["username"] == name
    assert Device.log_in(api, name).session["user"]["username"] == name


def test_a_username_may_have_32_characters(api: Api) -> None:
    name = unique("")
    name += "가" * (32 - len(name))
    assert api.sign_up(name, PASSWORD)["username"] == name
    with refused("bad_request"):
        api.sign_up("가" * 33, PASSWORD)


@pytest.mark.parametrize(
    "name", ["", "a b", "a@b", "smile😀", "all", "ALL", "ａｌｌ", "a/b", "tab\t", "nul\0", "new\nline", "a\u202eb", "\ud800"], ids=range(13)
)
def test_other_usernames_are_refused(api: Api, name: str) -> None:
    with refused("bad_request"):
        api.sign_up(name, PASSWORD)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "no-password"},
        {"password": PASSWORD},
        {"username": 5, "password": PASSWORD},
        {"username": None, "password": PASSWORD},
        {"username": ["a"], "password": PASSWORD},
        {"username": "number", "password": 12345678},
        {"username": "object", "password": PASSWORD, "display_name": {}},
        [],
        "text",
    ],
    ids=range(10),
)
def test_a_sign_up_of_wrong_types_is_refused(api: Api, body: Any) -> None:
    with refused("bad_request"):
        api.call("POST", "/users", body)


def test_a_password_has_at_least_8_characters(api: Api) -> None:
    with refused("bad_request"):
        api.sign_up(unique("short"), "1234567")
    with refused("bad_request"):
        api.sign_up(unique("short"), "비밀번호는일곱")  # 7 characters, 21 bytes
    name = unique("enough")
    api.sign_up(name, "비밀번호여덟글자")
    Device.log_in(api, name, "비밀번호여덟글자")


@pytest.mark.parametrize(("first", "second"), [("straße-", "STRASSE-"), ("ａｌｉｃｅ-", "Alice-"), ("Ωmega-", "ωMEGA-")], ids=range(3))
def test_usernames_that_fold_to_the_same_are_taken(api: Api, first: str, second: str) -> None:
    suffix = unique("")
    api.sign_up(first + suffix, PASSWORD)
    with refused("username_taken"):
        api.sign_up(second + suffix, PASSWORD)
    assert Device.log_in(api, second + suffix).session["user"]["username"] == first + suffix


def test_of_racing_sign_ups_for_one_name_one_succeeds(api: Api) -> None:
    name = unique("race")

    def attempt(n: int) -> str:
        try:
            api.sign_up(name if n % 2 else name.upper(), f"password number {n}")
        except Problem as problem:
            return problem.code
        return "made"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(attempt, range(6)))
    assert outcomes == ["made"] + ["username_taken"] * 5


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(api: Api) -> None:
    name = unique("alice")
    api.sign_up(name, PASSWORD)
    problems = []
    for username in (name, unique("nobody")):
        with pytest.raises(Problem) as caught:
            Device.log_in(api, username, "not the password")
        problems.append(caught.value)
    assert [problem.status for problem in problems] == [401, 401]
    assert [problem.code for problem in problems] == ["unauthenticated", "unauthenticated"]
    assert problems[0].detail == problems[1].detail


def test_an_unknown_user_takes_as_long_as_a_wrong_password(api: Api) -> None:
    name = unique("alice")
    api.sign_up(name, PASSWORD)

    def duration(username: str) -> float:
        began = time.monotonic()
        with refused("unauthenticated"):
            Device.log_in(api, username, "not the password")
        return time.monotonic() - began

    known = statistics.median(duration(name) for _ in range(5))
    unknown = statistics.median(duration(unique("nobody")) for _ in range(5))
    assert unknown > known / 3


@pytest.mark.parametrize("token", [None, "", "x", "AAAA" * 16, "한글", "a b"], ids=range(6))
def test_calls_without_a_good_token_are_unauthenticated(api: Api, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
    answer = api.exchange("GET", "/v1/users/me", headers=headers)
    assert answer.status == 401
    assert answer.problem().code == "unauthenticated"


def test_a_token_whose_secret_is_of_another_device_is_refused(alice: Device) -> None:
    other = alice.another()
    half = len(alice.token) // 3
    forged = alice.token[:half] + other.token[half:]
    with refused("unauthenticated"):
        alice.api.call("GET", "/users/me", token=forged)


def test_the_profile_can_be_read_and_changed(alice: Device) -> None:
    changed = alice.call("PATCH", "/users/me", {"display_name": "앨리스 🦊"}).json()
    assert changed["display_name"] == "앨리스 🦊"
    me = alice.get("/users/me")
    assert me == changed
    assert me["username"] == alice.username
    assert me["id"] == alice.id


def test_a_display_name_has_at_most_100_characters(alice: Device) -> None:
    alice.call("PATCH", "/users/me", {"display_name": "가" * 100})
    with refused("bad_request"):
        alice.call("PATCH", "/users/me", {"display_name": "가" * 101})
    assert alice.get("/users/me")["display_name"] == "가" * 100


def test_a_username_never_changes(alice: Device) -> None:
    alice.call("PATCH", "/users/me", {"username": unique("other"), "display_name": "x"})
    assert alice.get("/users/me")["username"] == alice.username


def test_settings_are_the_clients_own_and_seen_on_every_device(alice: Device) -> None:
    settings = {"theme": "어둡게", "nested": {"list": [1, 2.5, None, True, "é"]}, "": ""}
    assert alice.call("PATCH", "/users/me", {"settings": settings}).json()["settings"] == settings
    assert alice.another().get("/users/me")["settings"] == settings


@pytest.mark.parametrize("settings", [1, "text", [], True], ids=range(4))
def test_settings_must_be_an_object(alice: Device, settings: Any) -> None:
    with refused("bad_request"):
        alice.call("PATCH", "/users/me", {"settings": settings})
    assert alice.get("/users/me")["settings"] == {}


def test_settings_over_their_limit_are_too_large(alice: Device) -> None:
    alice.call("PATCH", "/users/me", {"settings": {"k": "v" * 16_000}})
    with refused("too_large"):
        alice.call("PATCH", "/users/me", {"settings": {"k": "v" * 17_000}})
    assert len(alice.get("/users/me")["settings"]["k"]) == 16_000


def test_others_see_the_profile_but_not_the_settings(alice: Device, bob: Device) -> None:
    alice.call("PATCH", "/users/me", {"display_name": "Alice", "settings": {"secret": 1}})
    seen = bob.get(f"/users/{alice.id}")
    assert seen == {k: v for k, v in alice.get("/users/me").items() if k != "settings"}


def test_an_unknown_user_is_not_found(alice: Device) -> None:
    with refused("not_found"):
        alice.get("/users/4611686018427387904")


@pytest.mark.parametrize("user_id", ["0", "-1", "x", "1e3", "99999999999999999999", "%00", "%F0%9F%98%80"])
def test_what_is_no_user_id_is_refused(alice: Device, user_id: str) -> None:
    with refused("not_found", "bad_request"):
        alice.get(f"/users/{user_id}")


def test_a_user_is_found_by_any_spelling_of_the_name(alice: Device, bob: Device) -> None:
    assert [user["id"] for user in bob.get("/users", username=alice.username.upper())["users"]] == [alice.id]
    assert bob.get("/users", username=unique("nobody"))["users"] == []
    assert "settings" not in bob.get("/users", username=alice.username)["users"][0]


def test_a_new_name_is_shown_in_the_conversations_there_are(alice: Device, bob: Device) -> None:
    group, direct = alice.group(bob), alice.direct(bob)
    bob.caught_up(group, direct)

    def shown() -> set[str]:
        member = next(each["user"] for each in bob.members(group) if each["user"]["id"] == alice.id)
        peers = [each["peer"] for each in bob.conversations() if "peer" in each]
        return {each["display_name"] for each in (member, bob.conversation(direct)["peer"], *peers)}

    assert shown() == {alice.get("/users/me")["display_name"]}
    alice.call("PATCH", "/users/me", {"display_name": "Alice the Second"})
    assert shown() == {"Alice the Second"}
