"""Each error states whether the request may have arrived: every retry depends on it."""

from __future__ import annotations

import time

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import rest
from libra_provider.core.errors import ServerUnreachable
from libra_provider.core.job import SparkJob, new_tag
from tests.fakes.proxy import LOST_ANSWER, LOST_REQUEST, Fate, Proxy, delayed
from tests.fakes.spark_master import FakeMaster

JOB = SparkJob.from_application("local:/jobs/etl.py")


@pytest.mark.parametrize(
    ("fate", "made"),
    [(LOST_REQUEST, 0), (LOST_ANSWER, 1), (delayed(1), 1)],
    ids=["lost request", "lost answer", "delayed request"],
)
def test_a_creation_without_an_answer_may_have_arrived(fate: Fate, made: int) -> None:
    with FakeMaster() as master, Proxy(master.port, lambda _: fate) as proxy:
        # Only what is late is not waited for: others are hung up on.
        timeout = 0.5 if fate.after else 30
        client = Client([ServerAddress(url=proxy.url, read_timeout=timeout)])
        with pytest.raises(ServerUnreachable) as caught:
            client.send(rest.submit(JOB, new_tag(), master="spark://m:7077"))
        deadline = time.monotonic() + 60
        while len(master.drivers) < made and time.monotonic() < deadline:
            time.sleep(0.05)

        assert caught.value.may_have_arrived
        assert len(master.drivers) == made


def test_a_proxy_that_loses_nothing_is_not_noticed() -> None:
    with FakeMaster() as master, Proxy(master.port) as proxy:
        client = Client([ServerAddress(url=proxy.url)])
        driver_id = client.send(rest.submit(JOB, new_tag(), master="spark://m:7077"))

        assert client.send(rest.status(driver_id)).job_id == driver_id
        assert [passing.creates for passing in proxy.seen] == [True, False]
