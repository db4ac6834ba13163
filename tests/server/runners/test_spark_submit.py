"""The supervision of spark-submit, with a script in its place: real processes, real signals."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libra_provider.core.polling import utc_now
from libra_provider.jobs import bootstrap
from libra_provider.server.driver.messages import StatementEnded
from libra_provider.server.driver.process import MARK
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.model.receipt import Receipt
from libra_provider.server.runners.spark_submit import SparkSubmitRunner
from libra_provider.server.settings import Settings
from libra_provider.server.statement_logs import StatementLogs
from libra_provider.server.timing import ClientTiming
from tests.server.runners.isolated_runs import Noting, make_run

SECRET = {"spark.hadoop.fs.s3a.secret.key": "hidden", "spark.odd": "ein schöner = Tag"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "a.jar").touch()
    isolated = IsolatedSettings(log_max_bytes=100_000)
    return Settings(data_dir=tmp_path / "data", file_roots=[tmp_path], isolated=isolated)


class Script:
    """What stands for spark-submit, and the one that runs it."""

    def __init__(self, settings: Settings, text: str, **given: Any) -> None:
        self.settings = settings
        program = settings.file_roots[0] / "spark-submit"
        program.write_text(f"#!/bin/bash\n{text}\n")
        program.chmod(0o700)
        self.runner = SparkSubmitRunner(settings, ClientTiming(look_every=0.1), program=program)
        jar = {"file_path": str(settings.file_roots[0] / "a.jar"), "main_class": "Main"}
        self.job: Noting = make_run(settings, **({} if given.get("kind") else jar) | given)

    def run(self) -> StatementEnded:
        return asyncio.run(self.runner.run(self.job))

    async def _run_and_kill(self, marker: Path) -> StatementEnded:
        running = asyncio.create_task(self.runner.run(self.job))
        await comes_true(marker.exists)
        self.job.killed.set()
        return await asyncio.wait_for(running, 300)

    def run_and_kill(self, marker: Path) -> StatementEnded:
        return asyncio.run(self._run_and_kill(marker))

    def log(self, stream: str) -> str:
        return StatementLogs(self.settings.statement_logs_dir, self.job.job_id).text(stream)

    def processes(self) -> list[int]:
        mark = f"{MARK}={self.job.job_id}".encode()
        return [int(each.name) for each in Path("/proc").glob("[0-9]*") if mark in of(each)]


def of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


async def comes_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_what_is_secret_is_in_a_private_file_and_goes_with_the_statement(
    settings: Settings,
) -> None:
    show = 'echo "$@"; stat -c %a "$2"; cat "$2"; env | grep LIBRA'
    script = Script(settings, show, args=("--day", "a b"), spark_config=SECRET)
    os.environ["LIBRA_TOKEN"] = "of the server"
    ended = script.run()
    command, mode, *properties = script.log("stdout").splitlines()

    assert ended.state == "SUCCESS"
    assert command.endswith(f"--class Main {settings.file_roots[0]}/a.jar --day a b")
    assert "hidden" not in command
    assert mode == "600"
    assert "spark.hadoop.fs.s3a.secret.key=hidden" in properties
    assert r"spark.odd=ein sch\u00f6ner = Tag" in properties
    assert {"spark.master=local[2]", "spark.submit.deployMode=client"} <= set(properties)
    assert f"spark.libra.tag={script.job.job_id}" in properties
    assert "spark.cores.max=2" in properties
    own = f"{settings.data_dir}/isolated/{script.job.job_id}"
    assert f'spark.driver.defaultJavaOptions="-Djava.io.tmpdir={own}"' in properties
    assert properties[-1] == f"LIBRA_TAG={script.job.job_id}"
    assert not any((settings.data_dir / "isolated").iterdir())


def test_a_text_is_a_private_file_while_it_runs(settings: Settings) -> None:
    text = "# é\nprint(1)"
    script = Script(
        settings, 'stat -c "%a" statement.py; cat statement.py', kind="python", code=text
    )
    script.run()

    assert script.log("stdout") == f"600\n{text}"


def test_a_program_is_begun_by_the_bootstrap_which_is_told_what_to_run_and_where_to_hand_in(
    settings: Settings,
) -> None:
    show = 'shift 2; echo "$@"; echo "$LIBRA_JOB"'
    script = Script(settings, show, kind="python", code="spark", args=("--day", "x"))
    script.run()
    command, said = script.log("stdout").splitlines()
    order, folder = json.loads(said), settings.data_dir / "isolated" / script.job.job_id

    assert command == f"{bootstrap.__file__} --day x"
    assert (order["kind"], order["application"]) == ("python", f"{folder}/statement.py")
    assert order["runtime"] == f"{folder}/libra-runtime.zip"
    assert order["result_url"].startswith(f"http://127.0.0.1:{settings.port}/results/")
    assert order["report_url"].endswith(f"/{script.job.job_id}")


def test_sql_is_told_to_hand_in_whatever_its_length(settings: Settings) -> None:
    code = f"SELECT '{'x' * 200_000}' WHERE :n = 1"
    show = 'echo "$LIBRA_JOB"; wc -c < statement.sql'
    script = Script(
        settings, show, kind="sql", code=code, parameters={"n": 1}, result_path="s3a://b/t"
    )
    ended = script.run()
    said, size = script.log("stdout").splitlines()
    order = json.loads(said)

    assert int(size) == len(code)
    assert (order["kind"], order["sql"], order["parameters"]) == ("sql", None, {"n": 1})
    assert (order["result_path"], order["returns"]) == ("s3a://b/t", True)
    assert (ended.state, ended.error_class) == ("FAILED", "LIBRA_RESULT_NOT_UPLOADED")


def test_a_libra_with_a_certificate_is_found_by_its_name_and_trusted_by_its_authority(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("an authority")
    settings = replace(
        settings,
        public_url="https://libra.example.com",
        tls_certificate=tmp_path / "ca.pem",
        tls_ca=tmp_path / "ca.pem",
    )
    script = Script(settings, 'echo "$LIBRA_JOB"', kind="python", code="1")
    script.run()
    order = json.loads(script.log("stdout"))

    assert order["result_url"].startswith("https://libra.example.com/results/")
    assert order["ca"] == "an authority"


HANDED_IN = {"digest": "d", "outcome": {"row_count": 2, "result_bytes": 16}}
FAILED = {"state": "FAILED", "error": "KeyError: 'x' (line 1)", "error_class": "KeyError"}


@pytest.mark.parametrize(
    ("end", "receipt", "outcome"),
    [
        ("exit 0", HANDED_IN, ("SUCCESS", None, 2)),
        ("exit 0", HANDED_IN | {"last_words": {"state": "SUCCESS"}}, ("SUCCESS", None, 2)),
        (
            "echo 'KeyError: y' >&2; exit 1",
            {"last_words": FAILED},
            ("FAILED", FAILED["error"], None),
        ),
        ("echo 'java.io.IOException: y'; exit 1", {}, ("FAILED", "java.io.IOException: y", None)),
        ("exit 1", {"last_words": {"state": "SUCCESS"}}, ("FAILED", "exit code 1", None)),
    ],
)
def test_its_end_is_what_it_handed_in_and_said(
    settings: Settings,
    end: str,
    receipt: dict[str, Any],
    outcome: tuple[str, str | None, int | None],
) -> None:
    script = Script(settings, end, kind="python", code="1")
    script.job.reported = Receipt(job_id=script.job.job_id, seen_at=utc_now(), **receipt)
    ended = script.run()

    assert (ended.state, ended.row_count) == (outcome[0], outcome[2])
    assert (outcome[1] or "") in (ended.error or "")


def test_a_failure_is_the_first_exception_without_secrets(settings: Settings) -> None:
    script = Script(
        settings,
        "echo '26/11/20 INFO all is well' >&2\n"
        "echo 'java.io.IOException: no access with password=hunter2' >&2\nexit 3",
    )
    ended = script.run()

    assert ended.state == "FAILED"
    assert ended.error == "java.io.IOException: no access with password=***"


@pytest.mark.parametrize(
    ("how", "says"), [("exit 7", "exit code 7"), ("kill -9 $$", "killed by SIGKILL")]
)
def test_a_failure_without_words_says_how_it_ended(how: str, says: str, settings: Settings) -> None:
    ended = Script(settings, how).run()

    assert ended.state == "FAILED"
    assert says in str(ended.error)


def test_a_program_that_is_not_there_is_a_failure_and_not_a_wait(settings: Settings) -> None:
    script = Script(settings, "")
    (settings.file_roots[0] / "spark-submit").unlink()

    assert script.run().state == "FAILED"


def test_a_kill_takes_everything_that_it_started(settings: Settings, tmp_path: Path) -> None:
    """A child in a separate session, which ignores a request to end, is found too."""
    marker = tmp_path / "deep"
    deep = f"trap '' TERM; touch {marker}; while true; do sleep 0.1; done"
    script = Script(settings, f'setsid bash -c "{deep}" &\nwait')
    ended = script.run_and_kill(marker)

    assert (ended.state, ended.error) == ("CANCELLED", "It was killed.")
    assert script.processes() == []


def test_a_driver_may_put_things_in_order_when_it_is_told_to_end(
    settings: Settings, tmp_path: Path
) -> None:
    marker, done = tmp_path / "begun", tmp_path / "tidy"
    script = Script(settings, f"trap 'touch {done}; exit 1' TERM; touch {marker}\nsleep 60 & wait")
    ended = script.run_and_kill(marker)

    assert ended.state == "CANCELLED"
    assert done.exists()


def test_a_flood_of_output_is_cut_in_the_middle(settings: Settings) -> None:
    script = Script(
        settings, "seq 1 2000000; echo 'java.lang.IllegalStateException: the end'; exit 1"
    )
    ended = script.run()
    log = script.log("stdout")

    assert len(log) < 200_000
    assert log.startswith("1\n2\n3\n")
    assert "bytes were dropped here" in log
    assert ended.error == "java.lang.IllegalStateException: the end"


def test_its_application_and_page_are_noted_as_soon_as_it_tells_them(
    settings: Settings, tmp_path: Path
) -> None:
    marker = tmp_path / "seen"
    script = Script(
        settings,
        "echo \"INFO Utils: Successfully started service 'SparkUI' on port 4041.\" >&2\n"
        "echo 'INFO Backend: Connected to Spark cluster with app ID app-20261120-0001' >&2\n"
        f"while [ ! -e {marker} ]; do sleep 0.05; done",
    )

    async def until_noted() -> None:
        running = asyncio.create_task(script.runner.run(script.job))
        await comes_true(lambda: len(script.job.notes) == 2)
        marker.touch()
        await running

    asyncio.run(until_noted())
    first, second = (note["location"] for note in script.job.notes)

    assert (first.where, first.host, first.application_id) == ("on Libra's host", "127.0.0.1", None)
    assert second.application_id == "app-20261120-0001"
    assert second.spark_ui == "http://127.0.0.1:4041"


def test_the_end_of_libra_is_its_end(settings: Settings, tmp_path: Path) -> None:
    """Cancelled, as a Libra that stops does it."""
    marker = tmp_path / "begun"
    script = Script(settings, f"touch {marker}; sleep 600")

    async def stopped() -> None:
        running = asyncio.create_task(script.runner.run(script.job))
        await comes_true(marker.exists)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(stopped())

    assert script.processes() == []


def test_what_an_earlier_libra_left_is_ended_and_called_lost(settings: Settings) -> None:
    script = Script(settings, "", resumed=True)
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env=os.environ | {MARK: script.job.job_id},
    )
    ended = script.run()

    assert left.wait(60) == -9
    assert ended.state == "LOST"
    assert str(ended.error).endswith("it may have written data; check before you rerun it.")
