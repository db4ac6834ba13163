"""LibraHook with Python, files and JARs: what is sent, refused and returned."""

from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.errors import BadInput, JobLost, NotOffered
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from tests.fakes.libra import FakeLibra
from tests.fakes.old_libra import OldLibra
from tests.hooks.test_libra import Ask, ask, connect, libra, old

__all__ = ["ask", "libra", "old"]  # fixtures
PYTHON = SparkJob(kind=Kind.PYTHON, code="1 + 1")
FILE = SparkJob.from_application("/jobs/etl.py")
JAR_CLASS = SparkJob.from_application("/jobs/a.jar", java_class="A", mode="shared")
MEMORY = {"spark.executor.memory": "2g"}


def test_a_value_and_rows_are_both_a_result(libra: FakeLibra, ask: Ask) -> None:
    libra.value = {"n": 2}
    job_id = ask("submit", PYTHON, new_tag()).job_id

    assert ask("result", job_id) == ask("value", job_id) == {"n": 2}
    assert ask("page", job_id).value == {"n": 2}
    libra.value = ...
    assert ask("result", job_id) == [{"n": 1}]
    assert ask("value", job_id) == 1


def test_a_statement_without_rows_has_written_none(libra: FakeLibra, ask: Ask) -> None:
    libra.value = 5
    job = SparkJob(kind=Kind.PYTHON, code="5", result_path="s3a://lake/top")
    job_id = ask("submit", job, new_tag()).job_id

    with pytest.raises(BadInput, match="returned no rows that could be written"):
        ask("written", job_id)


def test_a_log_is_read_by_offset(libra: FakeLibra, ask: Ask) -> None:
    libra.logs, libra.piece = {"stdout": "one\ntwo\n", "stderr": "oh\n"}, 5
    job_id = ask("submit", PYTHON, new_tag()).job_id
    first = ask("logs", job_id)
    second = ask("logs", job_id, offset=first.next_offset)

    assert (first.lines, first.next_offset, first.complete) == (("one",), 4, False)
    assert (second.lines, second.size, second.complete) == (("two",), 8, True)
    assert ask("logs", job_id, stream="stderr").lines == ("oh",)
    with pytest.raises(JobLost, match="Statement nobody is unknown here"):
        ask("logs", "nobody")


@pytest.mark.parametrize(
    ("job", "carried"),
    [(PYTHON, True), (JAR_CLASS, True), (FILE, False), (PYTHON.replace(mode="isolated"), False)],
    ids=["python", "jar-class", "python-file", "isolated python"],
)
def test_session_and_pool_of_the_connection_are_the_shared_drivers(
    libra: FakeLibra, ask: Ask, job: SparkJob, carried: bool
) -> None:
    connect(libra.port, session="mine", pool="interactive")
    ask("submit", job, new_tag())
    [statement] = libra.statements.values()

    assert statement.session == ("mine" if carried else "default")
    assert ("pool" in statement.body) is carried


@pytest.mark.parametrize(
    ("job", "session"),
    [(PYTHON, "own"), (JAR_CLASS, "default"), (PYTHON.replace(session="mine"), "mine")],
    ids=["python", "jar-class", "python in a session"],
)
def test_python_has_a_session_to_itself_unless_one_is_named(
    libra: FakeLibra, ask: Ask, job: SparkJob, session: str
) -> None:
    ask("submit", job, new_tag())

    assert [each.session for each in libra.statements.values()] == [session]


def test_a_libra_of_the_old_contract_is_asked_for_no_session_of_ones_own(
    old: OldLibra, ask: Ask
) -> None:
    ask("submit", PYTHON, new_tag())

    assert old.requests[-1].path == "/api/v1/sessions/default/statements"


def test_what_no_libra_takes_is_not_even_asked_about(libra: FakeLibra, ask: Ask) -> None:
    with pytest.raises(BadInput, match="Invalid session='mine'"):
        ask("submit", FILE.replace(session="mine"), new_tag())
    assert libra.requests == []


@pytest.mark.parametrize(
    ("job", "body"),
    [
        (PYTHON, {"kind": "python", "code": "1 + 1"}),
        (
            FILE.replace(mode="isolated", deploy_mode="client", conf=MEMORY),
            {"kind": "python-file", "filePath": "/jobs/etl.py", "sparkConfig": MEMORY},
        ),
        (JAR_CLASS, {"kind": "jar-class", "filePath": "/jobs/a.jar", "mainClass": "A"}),
        (
            JAR_CLASS.replace(mode="isolated", conf=MEMORY),
            {
                "kind": "jar-class",
                "filePath": "/jobs/a.jar",
                "mainClass": "A",
                "sparkConfig": MEMORY,
            },
        ),
    ],
    ids=["python", "python-file", "jar-class", "isolated jar-class"],
)
def test_an_old_libra_gets_each_kind_in_its_own_words(
    old: OldLibra, ask: Ask, job: SparkJob, body: dict[str, Any]
) -> None:
    ask("submit", job, new_tag())

    assert old.ran == [body]


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        (FILE.replace(deploy_mode="cluster"), "this version starts no drivers on workers"),
        (
            PYTHON.replace(mode="isolated"),
            "this version runs python on its shared driver and ignores mode iso",
        ),
        (PYTHON.replace(conf=MEMORY), "and ignores spark.executor.memory"),
        (
            JAR_CLASS.replace(mode="isolated"),
            "this version runs jar-class on its shared driver; remove",
        ),
    ],
)
def test_an_old_libra_is_not_asked_to_run_a_job_elsewhere_than_it_can(
    old: OldLibra, ask: Ask, job: SparkJob, sentence: str
) -> None:
    with pytest.raises(NotOffered, match=sentence):
        ask("submit", job, new_tag())
    assert old.ran == []


def test_an_old_libra_has_no_log(old: OldLibra, ask: Ask) -> None:
    with pytest.raises(NotOffered, match="supports only Libra's old API"):
        ask("logs", "job-1")
    assert old.ran == []
