"""One class for each code of the protocol, and none beside it."""

from __future__ import annotations

import pytest

import madang
from madang import errors
from madang.core import _core


def test_every_code_of_the_core_has_its_class() -> None:
    assert list(errors.BY_CODE) == [code for code, _ in _core.error_codes]


@pytest.mark.parametrize("code", errors.BY_CODE)
def test_a_class_bears_the_name_of_its_code(code: str) -> None:
    name = "".join(word.capitalize() for word in code.split("_"))
    kind = getattr(madang, name)
    assert kind is errors.BY_CODE[code]
    assert issubclass(kind, madang.Error)
    assert kind.code == code


def test_an_error_keeps_what_the_server_said() -> None:
    error = errors.error_for("rate_limited", "slower", retry_after=1.5)
    assert isinstance(error, madang.RateLimited)
    assert (error.message, error.retry_after, str(error)) == ("slower", 1.5, "slower")


def test_a_code_of_a_later_version_is_an_error_that_names_it() -> None:
    error = errors.error_for("brand_new", "what")
    assert type(error) is madang.Error
    assert str(error) == "brand_new: what"


def test_everything_public_can_be_imported_and_nothing_else() -> None:
    assert all(getattr(madang, name) for name in dir(madang))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        madang.Nonsense  # noqa: B018
