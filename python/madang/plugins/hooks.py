"""The hooks that a plugin may have: by which methods, and with which options.

A hook more is a row here, a lane in `dispatcher.LANES` and an enumerator in `cpp/hooks/hook.hpp`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_MIN, TIMEOUT_MAX = 0.001, 600.0  # seconds

# What the core is told of a hook: timeout in ms, on_error, whether it only observes.
HookSpec = tuple[int, str, bool]


@dataclass(frozen=True, slots=True)
class HookKind:
    """What is true of a hook in every plugin.

    Attributes:
        methods: that may carry it; the first that a plugin defines is called.
        timeout: seconds, where nothing else is said.
        choices: its options beside `timeout`, each with the values it may have; the first is the default.
    """

    methods: tuple[str, ...]
    timeout: float
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def method_of(self, plugin: object) -> str | None:
        """The name of the method that carries it in this plugin; None = the plugin hasn't this hook."""
        return next((name for name in self.methods if hasattr(plugin, name)), None)


HOOKS: Mapping[str, HookKind] = {
    "authenticate": HookKind(("authenticate",), 0.2, {"on_error": ("deny",), "mode": ("enforce",)}),
    "check": HookKind(("check_batch", "check"), 0.2, {"on_error": ("deny", "allow", "hold"), "mode": ("enforce", "observe")}),
    "push": HookKind(("push",), 30.0),
    "committed": HookKind(("committed",), 30.0),
}


@dataclass(frozen=True, slots=True)
class HookOptions:
    """How one hook of one plugin is used. `timeout` in seconds, from the call."""

    timeout: float
    on_error: str = "deny"
    mode: str = "enforce"

    @property
    def spec(self) -> HookSpec:
        """How the core sees it."""
        return max(1, round(self.timeout * 1000)), self.on_error, self.mode == "observe"


def hook_options(name: str, hook: str, values: Mapping[str, Any]) -> HookOptions:
    """Of the plugin `name`. ValueError, for a person."""
    kind = HOOKS[hook]
    for key, value in values.items():
        if key == "timeout":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not TIMEOUT_MIN <= value <= TIMEOUT_MAX:
                raise ValueError(f"{name}: hooks[{hook!r}]['timeout'] must be seconds, from 0.001 to 600, not {value!r}")
        elif hook == "authenticate" and key in kind.choices and value not in kind.choices[key]:
            raise ValueError(f"{name}: authenticate never fails open and is never only observed ({key} = {kind.choices[key][0]!r})")
        elif key not in kind.choices or value not in kind.choices[key]:
            allowed = ", ".join(["timeout", *(f"{option}: {' or '.join(choices)}" for option, choices in kind.choices.items())])
            raise ValueError(f"{name}: hooks[{hook!r}] has {key!r}: {value!r} ({allowed})")
    return HookOptions(**{"timeout": kind.timeout, **values})
