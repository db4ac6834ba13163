from __future__ import annotations

import pytest

from tests.server.running import RunningLibra


@pytest.fixture(scope="module")
def api(shared_api: RunningLibra) -> RunningLibra:
    return shared_api
