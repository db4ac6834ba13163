"""The session's Libra, as a client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra_provider.cluster.libra import LocalLibra
from tests.spark.statements import Client


@pytest.fixture
def api(libra: LocalLibra) -> Iterator[Client]:
    """A client of the session's Libra."""
    client = Client(libra.url, token=libra.token)
    yield client
    client.close()
