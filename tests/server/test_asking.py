"""The client's short way to rows, at a real Libra that only lacks Spark: the two cannot drift."""

from __future__ import annotations

import contextlib
from pathlib import Path

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra import run
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.results import ResultPage, ResultValue
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from tests.server.running import RunningLibra


def sql(code: str) -> SparkJob:
    return SparkJob(kind=Kind.SQL, code=code, result_limit=5000)


def test_rows_come_with_the_end_however_often_it_is_waited_for(
    shared_api: RunningLibra, tmp_path: Path
) -> None:
    it_may_end = tmp_path / "now"
    with contextlib.closing(Client([ServerAddress(url=shared_api.url)])) as client:
        first = client.send(run.submission(sql(f"nap {it_may_end}"), new_tag(), wait=1))
        job_id = first.status.job_id
        again = client.send(run.poll(job_id, wait=1))
        it_may_end.touch()
        last = client.send(run.poll(job_id, wait=60))

    assert not first.status.state.is_terminal
    assert (again.status.job_id, again.returned) == (job_id, None)
    assert last.status.state is JobState.SUCCEEDED
    assert isinstance(last.returned, ResultPage)
    assert last.returned.as_python() == [{"n": 0}]


def test_a_small_result_a_large_one_and_a_value_are_whole(shared_api: RunningLibra) -> None:
    with contextlib.closing(Client([ServerAddress(url=shared_api.url)])) as client:
        found = [
            client.run(run.run(Contract(), sql(code), new_tag()))
            for code in ("rows 3", "rows 2500", 'value {"a": 1}')
        ]

    assert [len(each.rows) for each in found if isinstance(each, ResultPage)] == [3, 2500]
    assert found[2] == ResultValue({"a": 1})
