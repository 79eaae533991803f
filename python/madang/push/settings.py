"""A plugin's settings as the configuration gives them, read with checks. Nothing that is said of one shows a secret."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from madang.errors import ConfigError
from madang.push.url import Url, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

SECRET_BYTES_MAX = 65_536
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class Settings:
    """Of one plugin. Each reader takes one key, by its default where it isn't given; a default of None makes it required.

    Every reader raises madang.ConfigError, which says what is wrong with which key. Relative paths begin at the working folder.
    """

    def __init__(self, values: Mapping[str, Any], known: Sequence[str]) -> None:
        """Raises ConfigError for keys that are not known."""
        self._values = values
        for key in values:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
                raise wrong(key, f"is unknown ({hint})")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str, default: str | None = None, *, pattern: str = r"(?s).+", shape: str = "a text") -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or (re.fullmatch(pattern, value) is None and value != default):
            raise wrong(key, f"must be {shape}, not {value!r}")
        return value

    def choice(self, key: str, default: str, choices: Sequence[str]) -> str:
        value = self._get(key, default)
        if value not in choices:
            raise wrong(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise wrong(key, f"must be true or false, not {value!r}")
        return value

    def count(self, key: str, default: int, least: int, most: int) -> int:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise wrong(key, f"must be a number from {least} to {most}, not {value!r}")
        return value

    def seconds(self, key: str, default: str, least: float, most: float) -> float:
        """Of "250ms", "30s", "5m", "2h", "1d", or of a number of seconds."""
        value = self._get(key, default)
        parts = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value.strip()) if isinstance(value, str) else None
        found = float(parts[1]) * UNITS_S[parts[2]] if parts else value
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not least <= found <= most:
            raise wrong(key, f'must be a duration like "30s", from {least:g} to {most:g} seconds, not {value!r}')
        return float(found)

    def list_of(self, key: str, kind: type, default: Sequence[Any]) -> tuple[Any, ...]:
        value = self._get(key, list(default))
        if not isinstance(value, (list, tuple)) or any(type(each) is not kind for each in value):
            raise wrong(key, f"must be a list, each a {kind.__name__}, not {value!r}")
        return tuple(value)

    def table(self, key: str) -> Mapping[str, Any] | None:
        value = self._values.get(key)
        if value is not None and not isinstance(value, dict):
            raise wrong(key, "must be a table")
        return value

    def path(self, key: str) -> Path | None:
        """Of a file that is there; None where the key isn't given."""
        if key not in self._values:
            return None
        path = Path(self.text(key)).expanduser()
        if not path.is_file():
            raise wrong(key, f"{path.absolute()} is no file")
        return path

    def url(self, key: str, default: str | None = None, *, plain: bool = False) -> Url:
        """Of https; with `plain` of http, too."""
        try:
            found = parse_url(self._get(key, default))
        except ValueError as error:
            raise wrong(key, str(error)) from None
        if found.scheme != "https" and not plain:
            raise wrong(key, "must be of https")
        return found

    def secret(self, key: str, made: Callable[[str], T]) -> T:
        """What `made` makes of it; its ValueError says what is wrong, without the secret."""
        try:
            return made(self._secret(key))
        except ValueError as error:
            raise wrong(key, str(error)) from None

    def _secret(self, key: str) -> str:
        """Given as `key`, or as the path `key_file` of a file whose content it is, without the white space around it."""
        beside = f"{key}_file"
        if (key in self._values) == (beside in self._values):
            raise wrong(key, f"or {beside} must be given, and not both")
        if key in self._values:
            value = self._values[key]
            if not isinstance(value, str) or not value.strip():
                raise wrong(key, "must be a text")
            return value.strip()
        path = self.path(beside)
        assert path is not None
        return content(path, beside)

    def _get(self, key: str, default: Any) -> Any:
        value = self._values.get(key, default)
        if value is None:
            raise wrong(key, "must be given")
        return value


def content(path: Path, key: str) -> str:
    """Of a file with a secret."""
    try:
        with path.open("rb") as file:
            data = file.read(SECRET_BYTES_MAX + 1)
        text = data.decode().strip()
    except OSError as error:
        raise wrong(key, f"{path.absolute()} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise wrong(key, f"{path.absolute()} is no text") from None
    if not text or len(data) > SECRET_BYTES_MAX:
        raise wrong(key, f"{path.absolute()} is {'too large' if text else 'empty'}")
    return text


def wrong(key: str, what: str) -> ConfigError:
    return ConfigError([f"settings.{key} {what}"])
