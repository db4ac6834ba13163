"""Jobs that travel: a worker that has none of their files runs them, and gives back what they say.

Libra is its signed endpoints here; tests/spark/test_isolated.py has the whole of it.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from libra_provider.clients import kit
from libra_provider.clients.ending import kill_and_verify
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks import SparkMasterHook
from tests.fakes.server import Request
from tests.fakes.signed import SignedEndpoints

JOBS = Path(__file__).parent / "jobs"
SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": "1"}


class Shipping:
    """A cluster, a Libra that keeps files for it, and what its drivers have sent."""

    def __init__(self, cluster: StandaloneCluster, libra: SignedEndpoints) -> None:
        os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
        self.hook, self.libra = SparkMasterHook(), libra

    def submit(self, *arguments: str, job: dict[str, Any] | None = None, **order: Any) -> str:
        """Have the workers fetch the bootstrap, and no file of this machine."""
        ours, tag = kit.bootstrap(), new_tag()
        order_text = self.libra.order(tag, **order)
        shipped = SparkJob.from_application(
            self.libra.keep(ours.name, ours.content),
            application_args=list(arguments),
            env_vars={"LIBRA_JOB": order_text},
            **{"conf": SMALL, **(job or {})},
        )
        return self.hook.submit(shipped, tag).job_id

    def ended(self, driver_id: str) -> JobStatus:
        """How it ended."""
        view = self.hook.view(driver_id)
        wait_until(lambda: self.hook.look(view).status.state.is_terminal)
        return self.hook.look(view).status


@pytest.fixture
def shipping(cluster: StandaloneCluster) -> Iterator[Shipping]:
    with SignedEndpoints() as libra:
        yield Shipping(cluster, libra)


def zipped(**modules: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in modules.items():
            archive.writestr(f"{name}/__init__.py", text)
    return content.getvalue()


def tarred(**files: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def rows_of(request: Request) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.ipc.open_stream(io.BytesIO(request.body)).read_all().to_pylist()
    return rows


def test_a_job_has_its_files_on_driver_and_executors_which_need_not_reach_libra(
    shipping: Shipping,
) -> None:
    libra = shipping.libra
    driver_id = shipping.submit(
        "an argument",
        application=libra.keep("etl.py", (JOBS / "shipped.py").read_text()),
        py_files=[
            libra.keep("packed.zip", zipped(packed="WORD = 'from a zip'")),
            libra.keep("single.py", "WORD = 'from a file'"),
        ],
        files=[libra.keep("beside.txt", "beside")],
        archives=[f"{libra.keep('data.tar.gz', tarred(inside='archived'))}#unpacked"],
        returns=True,
    )
    status = shipping.ended(driver_id)
    [request] = libra.results
    [ended] = libra.events("ended")
    said = libra.events("started")
    asked = [each.path for each in libra.requests if "packed.zip" in each.path]

    assert status.state is JobState.SUCCEEDED, ended
    assert rows_of(request) == [
        {"where": "driver", "words": ["from a zip", "from a file", "beside", "archived"]},
        {"where": "executor", "words": ["from a zip", "from a file", "beside", "archived"]},
    ]
    assert len(asked) == 1
    assert ended["state"] == "SUCCESS"
    assert {each["driverId"] for each in said} == {driver_id}
    assert said[-1]["applicationId"].startswith("app-")
    assert len({each["attempt"] for each in [*said, ended]}) == 1


def test_a_statement_writes_its_rows_and_leaves_a_receipt_without_any_libra(
    cluster: StandaloneCluster, shipping: Shipping, tmp_path: Path
) -> None:
    """The kit lies on the workers, unpacked; parameters travel in the order."""
    home = tmp_path / "libra"
    with zipfile.ZipFile(io.BytesIO(kit.kit().content)) as archive:
        archive.extractall(home)
    runner = home / "libra_provider" / "jobs" / "sql_runner.py"
    tag, out = new_tag(), tmp_path / "out" / "rows"
    order = {
        "tag": tag,
        "kind": "sql",
        "sql": "SELECT id, :day AS day FROM range(:n)",
        "parameters": {"n": 5000, "day": {"type": "date", "value": "2026-01-31"}},
        "result_path": str(out),
        "returns": True,
    }
    job = SparkJob.from_application(
        str(runner), conf=SMALL, env_vars={"LIBRA_JOB": json.dumps(order)}
    )
    driver_id = shipping.hook.submit(job, tag).job_id
    status = shipping.ended(driver_id)
    [folder] = cluster.home.glob(f"spark-worker-*/{driver_id}")
    last = (folder / "stdout").read_text().splitlines()[-1]
    receipt = json.loads(last.removeprefix("libra-receipt: "))
    beside = json.loads((out.parent / f"_libra_{tag}.json").read_text())

    assert status.state is JobState.SUCCEEDED
    assert (receipt["state"], receipt["written"]["rowCount"]) == ("SUCCESS", 5000)
    assert receipt["written"]["uri"] == f"file:{out}"
    assert beside == receipt


def test_a_statement_that_is_wrong_fails_with_class_state_and_position(
    shipping: Shipping,
) -> None:
    driver_id = shipping.submit(kind="sql", sql="SELECT 1 FROM nowhere", returns=True)
    status = shipping.ended(driver_id)
    [ended] = shipping.libra.events("ended")

    assert status.state is JobState.FAILED
    assert "TABLE_OR_VIEW_NOT_FOUND" in status.detail
    assert (ended["errorClass"], ended["sqlState"]) == ("TABLE_OR_VIEW_NOT_FOUND", "42P01")
    assert ended["error"].endswith("(line 1, pos 14)")


def test_each_start_of_a_supervised_driver_is_an_attempt_until_it_is_killed(
    shipping: Shipping,
) -> None:
    """A text of Python, which finds its session; the last start computes when the kill comes."""
    libra = shipping.libra
    text = (
        "import pathlib, time\n"
        "tries = pathlib.Path('tries')\n"
        "tries.write_text(tries.read_text() + 'x' if tries.exists() else 'x')\n"
        "if len(tries.read_text()) == 1:\n    raise ValueError('the first one fails')\n"
        "spark.range(1).count()\n"
        "while True: time.sleep(1)\n"
    )
    driver_id = shipping.submit(
        kind="python",
        application=libra.keep("text.py", text),
        job={"supervise": True, "conf": SMALL},
    )
    wait_until(lambda: len({each["attempt"] for each in libra.events("started")}) == 2)
    wait_until(lambda: "applicationId" in libra.events("started")[-1])
    killed = kill_and_verify(shipping.hook, driver_id)
    [ended] = libra.events("ended")

    assert killed.state is JobState.KILLED
    assert ended["error"].startswith("ValueError: the first one fails (line 5: ")
    assert ended["attempt"] == libra.events("started")[0]["attempt"]
