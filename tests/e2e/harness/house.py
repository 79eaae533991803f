"""A server whose plugin decides by the first word of a text: `deny`, `modify`, `hold`, `shadow`, with the rest as the reason or new text.
Log-ins are by credentials, so that somebody may be an operator.
"""

from __future__ import annotations

import textwrap

from harness.device import Device
from harness.server import MakeServer, Server

PLUGIN = """
    import asyncio, madang
    from madang import Identity, Verdict

    class House(madang.Plugin):
        async def authenticate(self, credentials):
            return Identity(credentials["name"], roles=tuple(credentials.get("roles", ())))

        async def check(self, message):
            word, _, rest = message.text.partition(" ")
            match word:
                case "deny": return Verdict.deny(rest)
                case "modify": return Verdict.modify(rest)
                case "hold": return Verdict.hold(rest)
                case "shadow": return Verdict.shadow()
                case "hang": await asyncio.sleep(60)
                case "mentions": return Verdict.modify("of " + ",".join(message.mentions))
                case "edit": self.log.warning("asked about %s", message.text)
            return Verdict.allow()

    class Second(madang.Plugin):
        async def check(self, message):
            match message.text.split()[-1]:
                case "really": return Verdict.deny("really not")
                case "hidden": return Verdict.shadow()
                case "better": return Verdict.modify("much better")
            return Verdict.allow()
"""
BOTH = '[[plugins]]\nuse = "keeper:House"\nhooks.check.timeout = "5s"\n[[plugins]]\nuse = "keeper:Second"\nhooks.check.timeout = "5s"\n'


def keeper(make_server: MakeServer, config: str = BOTH, **options: object) -> Server:
    server = make_server(start=False, config=config, **options)
    (server.folder / "keeper.py").write_text(textwrap.dedent(PLUGIN), encoding="utf-8")
    server.start()
    return server


def come_in(server: Server, name: str, *roles: str) -> Device:
    credentials = {"name": name, "roles": list(roles)}
    answer = server.api.call("POST", "/sessions", {"credentials": credentials, "device": {"name": "phone", "platform": "test"}})
    return Device(server.api, name, answer.json())
