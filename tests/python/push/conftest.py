from __future__ import annotations

from collections.abc import Iterator

import pytest
from certificates import Tls, make_tls
from endpoint import Endpoint


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def endpoint(tls: Tls) -> Iterator[Endpoint]:
    with Endpoint(tls.server) as running:
        yield running
