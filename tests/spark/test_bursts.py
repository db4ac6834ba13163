from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from libra_provider.cluster.libra import LocalLibra
from tests.spark.statements import WAIT, Client

# A tenth of it is what one statement may hand out here.
SMALL = {"spark.driver.memory": "600m", "spark.sql.shuffle.partitions": "4"}
BURSTS = (
    "SELECT repeat('x', 1048576) AS wide FROM range(1000)",
    "SELECT id, repeat(CAST(id AS STRING), 1000) AS wide FROM range(900000)",
    "SELECT sequence(1, 100000) AS many FROM range(1000)",
    "SELECT map(id, array(repeat('y', 3000000))) AS nested FROM range(500)",
)


@pytest.mark.slow
def test_results_that_would_burst_the_driver_end_alone() -> None:
    """Every statement at once, and more of them than the heap could hold results of."""
    with LocalLibra("local[2]", spark=SMALL) as libra:
        api = Client(libra.url, token=libra.token)
        with ThreadPoolExecutor(16) as threads:
            bursting = [
                threads.submit(api.submit, each, WAIT, resultLimit=10**6) for each in BURSTS * 2
            ]
            fine = [
                threads.submit(api.submit, "SELECT count(*) FROM range(999)", WAIT)
                for _ in range(8)
            ]
            burst: list[dict[str, Any]] = [each.result() for each in bursting]
            fit: list[dict[str, Any]] = [each.result() for each in fine]
        last = api.submit("SELECT 1", WAIT)
        api.close()

    assert [each["errorClass"] for each in burst] == ["LIBRA_RESULT_TOO_LARGE"] * 8, burst
    assert {each["state"] for each in fit} == {"SUCCESS"}
    assert last["driver"]["epoch"] == 1
