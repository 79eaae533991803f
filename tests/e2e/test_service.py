"""What operators and load balancers ask: health, readiness, metrics and service discovery."""

from __future__ import annotations

import re
import time

import pytest
from harness.api import Api
from harness.device import Device
from harness.server import MakeServer, Server

LABEL = r'[a-zA-Z_]\w*="(\\.|[^"\\])*"'
SAMPLE = re.compile(rf"[a-zA-Z_:][\w:]*(\{{{LABEL}(,{LABEL})*,?\}})? [-+]?(\d+(\.\d+)?([eE][-+]?\d+)?|NaN|Inf)")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_running_server_says_that_it_is_well(api: Api, path: str) -> None:
    assert api.exchange("GET", path).status == 200


def test_the_health_is_outside_of_v1(api: Api) -> None:
    assert api.exchange("GET", "/v1/healthz").status == 404


def test_metrics_are_prometheus_text_and_count(alice: Device, bob: Device) -> None:
    def figures() -> dict[str, float]:
        answer = alice.api.exchange("GET", "/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        lines = [line for line in answer.body.decode().splitlines() if line and not line.startswith("#")]
        assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    cid = alice.direct(bob)
    before = figures()
    assert all(name.startswith("madang_") for name in before)
    for n in range(5):
        alice.send(cid, f"text {n}")
    deadline = time.monotonic() + 5
    while (after := figures()) and time.monotonic() < deadline:  # gathered some times a second
        if any("messages" in name and after[name] - before[name] >= 5 for name in before):
            break
    else:
        pytest.fail(f"no metric of messages rose: {sorted(after)}")
    assert before.keys() <= after.keys()


def test_every_metric_has_a_type_and_a_help(api: Api) -> None:
    text = api.exchange("GET", "/metrics").body.decode()
    typed = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    helped = set(re.findall(r"^# HELP (\S+)", text, re.MULTILINE))
    assert typed == helped != set()


def test_discovery_names_this_server(alice: Device) -> None:
    servers = alice.get("/servers")["servers"]
    assert servers[0]["url"].endswith(f":{alice.api.address.port}")
    assert 0 <= servers[0]["load"] <= 1
    assert servers == alice.another().session["servers"] or servers[0]["url"] == alice.session["servers"][0]["url"]


def test_discovery_names_the_configured_address_and_region(make_server: MakeServer) -> None:
    api = make_server(config='[server]\npublic_url = "https://chat.example"\nregion = "seoul"\n').api
    alice = Device.sign_up(api, "alice")
    server = alice.get("/servers", region="seoul")["servers"][0]
    assert (server["url"], server["region"]) == ("https://chat.example", "seoul")
    assert alice.session["servers"][0]["url"] == "https://chat.example"


def test_an_empty_store_is_ready_soon(make_server: MakeServer) -> None:
    assert make_server(start=False).start() < 3  # the banner's 300 ms, on a machine that does other things too


def test_the_log_says_where_the_server_listens(server: Server) -> None:
    assert f":{server.port}" in server.log_text()


def test_a_second_server_on_the_same_data_is_refused(make_server: MakeServer) -> None:
    first = make_server()
    with pytest.raises(RuntimeError, match="ended with"):
        make_server(folder=first.folder)
    assert first.ready()


def test_a_taken_port_is_an_error(make_server: MakeServer) -> None:
    first, second = make_server(), make_server(start=False)
    second.port = first.port
    assert second.run_to_end(within=15) != 0
    assert first.ready()
