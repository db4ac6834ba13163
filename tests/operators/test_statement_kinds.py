"""LibraStatementOperator with Python, files and JARs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from libra_provider.core.errors import BadInput
from libra_provider.operators import LibraStatementOperator
from tests.fakes.connections import connect
from tests.fakes.libra import WORKER, FakeLibra, problem
from tests.fakes.old_libra import OldLibra
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_statement import both_ways

JAR: dict[str, Any] = {"application": "s3a://jobs/etl.jar", "java_class": "org.example.Etl"}


def task(beside: Path | None = None, **fields: Any) -> LibraStatementOperator:
    """A task of a Dag whose file lies in the folder *beside*."""
    made = LibraStatementOperator(task_id="work", poll_interval=0.01, **fields)
    dag = DAG("d", schedule=None)
    dag.fileloc = str((beside or Path("/nowhere")) / "dag.py")
    dag.add_task(made)
    return made


def run(runner: TaskRunner, deferrable: bool = False, **fields: Any) -> Any:
    ended = runner.run(task(deferrable=deferrable, **fields))
    return runner.resume(task(deferrable=deferrable, **fields)) if deferrable else ended


def sent(libra: FakeLibra) -> dict[str, Any]:
    """The one statement that was sent, without what says which task it is."""
    [statement] = libra.statements.values()
    return {k: v for k, v in statement.body.items() if k not in ("tags", "description")}


def test_python_is_templated_text(libra: FakeLibra, runner: TaskRunner) -> None:
    ended = run(
        runner,
        python="spark.range({{ 40 + 2 }}).count()",
        application_args=["--day", "{{ 'to' ~ 'day' }}"],
        session="mine",
    )

    assert ended.state == "success"
    assert sent(libra) == {
        "kind": "python",
        "code": "spark.range(42).count()",
        "args": ["--day", "today"],
    }


def test_a_python_file_beside_the_dag_is_sent_as_it_is(
    libra: FakeLibra, runner: TaskRunner, tmp_path: Path
) -> None:
    """Its braces are Python's, not a template's."""
    code = "name = 1\nf'{{name}} {name}'\n{'a': {'b': 1}}\n"
    (tmp_path / "work.py").write_text(code)
    run(runner, beside=tmp_path, python="{{ 'wo' ~ 'rk' }}.py")

    assert sent(libra) == {"kind": "python", "code": code}


def test_a_python_file_that_is_not_there_is_named(
    libra: FakeLibra, runner: TaskRunner, tmp_path: Path
) -> None:
    ended = run(runner, beside=tmp_path, python="none.py")

    assert ended.state == "failed"
    assert str(ended.error) == (f"Invalid python='none.py': there is no file {tmp_path}/none.py.")
    assert libra.requests == []


def test_an_application_beside_the_dag_is_shipped_and_sent_with_its_properties(
    libra: FakeLibra, runner: TaskRunner, tmp_path: Path
) -> None:
    (tmp_path / "etl.py").write_text("print(1)")
    run(
        runner,
        beside=tmp_path,
        application="etl.py",
        conf={"spark.executor.memory": "1.5 GB", "spark.eventLog.enabled": False},
        deploy_mode="cluster",
        timeout="10 min",
    )

    [(path, content)] = libra.store.kept.items()
    assert content == b"print(1)"
    assert sent(libra) == {
        "kind": "python-file",
        "filePath": f"artifact:{path}",
        "sparkConfig": {"spark.executor.memory": "1536m", "spark.eventLog.enabled": "false"},
        "deployMode": "cluster",
        "timeoutSeconds": 600,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"sql": "select 1", "deploy_mode": "cluster"},
        {"python": "1", "deploy_mode": "client"},
        {"python": "1", "result_limit": 5},
        {"sql": "select :n", "parameters": {"n": 1}, "conf": {"spark.executor.memory": "2g"}},
    ],
    ids=str,
)
def test_the_rows_of_a_driver_of_its_own_arrive_as_those_of_the_shared_one(
    libra: FakeLibra, runner: TaskRunner, fields: dict[str, Any]
) -> None:
    ended = run(runner, **fields, mode="isolated")

    assert ended.state == "success"
    assert sent(libra)["mode"] == "isolated"
    assert runner.xcoms["return_value"] == [
        dict(zip(libra.columns, row, strict=True)) for row in libra.rows
    ]


def test_what_an_application_hands_in_arrives_in_xcom(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.value = {"late": 7}
    run(runner, application="/etl.py", fetch="value")

    assert runner.xcoms["return_value"] == {"late": 7}


def test_an_absolute_path_is_libras_to_judge(libra: FakeLibra, runner: TaskRunner) -> None:
    """A worker on another host does not see it."""
    run(runner, application="/jobs/only/there.py")

    assert sent(libra) == {"kind": "python-file", "filePath": "/jobs/only/there.py"}


@pytest.mark.parametrize(
    ("fields", "kind"), [({}, "jar"), ({"mode": "shared"}, "jar-class")], ids=["own", "shared"]
)
def test_the_mode_of_a_jar_says_in_whose_jvm_it_runs(
    libra: FakeLibra, runner: TaskRunner, fields: dict[str, Any], kind: str
) -> None:
    ended = run(runner, **JAR, **fields)

    assert (ended.state, sent(libra)["kind"]) == ("success", kind)
    assert runner.xcoms.get("return_value") is None


@pytest.mark.parametrize("value", [42, "text", {"n": [1, None]}], ids=repr)
@pytest.mark.parametrize("fetch", ["all", "value"])
def test_the_value_of_python_arrives_in_xcom(
    libra: FakeLibra, runner: TaskRunner, value: Any, fetch: str
) -> None:
    libra.value = value
    run(runner, python="work()", fetch=fetch)

    assert runner.xcoms["return_value"] == value


def test_rows_of_python_are_as_those_of_sql(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.columns, libra.rows = ["carrier", "n"], [["UA", 42]]
    run(runner, python="spark.table('flights')", fetch="one")

    assert runner.xcoms["return_value"] == {"carrier": "UA", "n": 42}


def test_one_row_cannot_be_had_of_a_value(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.value = 42
    ended = run(runner, python="42", fetch="one")

    assert ended.state == "failed"
    assert "Invalid fetch='one': the statement returned a value" in str(ended.error)


@both_ways
def test_what_it_prints_is_in_the_task_log(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    libra.logs = {"stdout": "read 336776 flights\nlast", "stderr": "password=hunter2\n"}
    run(runner, deferrable, python="work()")

    assert caplog.messages.count("[stdout] read 336776 flights") == 1
    assert caplog.messages.count("[stdout] last") == 1
    assert caplog.messages.count("[stderr] password=***") == 1
    assert "hunter2" not in caplog.text


@both_ways
def test_a_log_that_cannot_be_read_does_not_fail_the_task(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    away = problem(503, "Its worker is away.")
    libra.disturb = lambda request: away if "/log?" in request.path else None
    ended = run(runner, deferrable, python="work()")

    assert ended.state == "success"
    assert "Could not read the log of" in caplog.text


def test_who_does_not_want_the_log_does_not_ask_for_it(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    run(runner, python="work()", driver_log=False)

    assert not [each for each in libra.requests if "/log" in each.path]


@pytest.mark.usefixtures("libra")
def test_the_driver_on_a_worker_is_linked(runner: TaskRunner) -> None:
    done = run(runner, **JAR, deploy_mode="cluster").ti.task

    assert done.link_targets["Driver log"] == WORKER
    assert runner.xcoms["driver_location"]["where"] == "on worker w-1"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Missing sql: pass exactly one of sql, python, application"),
        (
            {"sql": "select 1", "python": "1"},
            "Invalid python='1': pass exactly one of sql, python, application; sql is set too",
        ),
        ({"sql": "select 1", **JAR}, "Invalid application='s3a://jobs/etl.jar': pass exactly one"),
        ({**JAR, "fetch": "one"}, "Invalid fetch='one': a JAR returns nothing"),
    ],
)
def test_what_cannot_work_whatever_is_rendered_is_an_import_error(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInput) as caught:
        task(**fields)

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"python": " "}, "Invalid python=' '"),
        ({"application": "/jobs/etl.scala"}, "expected a file that ends in .py or .jar"),
        ({"application": "none.py"}, "Invalid application='none.py': there is no file"),
        ({"application": "/jobs/a.jar"}, "Missing java_class: a JAR needs the name"),
        ({"python": "1", "java_class": "A"}, "only a JAR has a main class"),
        ({**JAR, "conf": {"memory": "2g"}}, "Invalid conf['memory']='2g': Spark reads only"),
        ({**JAR, "conf": {"spark.driver.memory": "much"}}, "conf['spark.driver.memory']='much'"),
        (
            {**JAR, "deploy_mode": "client", "conf": {"spark.submit.deployMode": "cluster"}},
            "Invalid conf['spark.submit.deployMode']='cluster': this job runs in client",
        ),
        ({"sql": "select 1", "deploy_mode": "client"}, "Invalid deploy_mode='client'"),
        ({"sql": "select 1", "mode": "alone"}, "Invalid mode='alone': expected shared or isolated"),
        ({"python": "1", "parameters": {"n": 1}}, "only SQL takes them; use application_args"),
        ({**JAR, "session": "mine"}, "Invalid session='mine'"),
        ({**JAR, "result_path": "/lake"}, "Invalid result_path='/lake'"),
        ({"application": "/a.py", "mode": "shared"}, "or pass the file as python"),
    ],
)
def test_bad_input_ends_the_task_before_anything_is_sent(
    libra: FakeLibra, runner: TaskRunner, fields: dict[str, Any], sentence: str
) -> None:
    ended = run(runner, **fields)

    assert ended.state == "failed"
    assert sentence in str(ended.error)
    assert libra.requests == []


@pytest.fixture
def old() -> Iterator[OldLibra]:
    with OldLibra() as fake:
        connect("libra_default", conn_type="libra", port=fake.port)
        yield fake


def test_an_old_libra_runs_a_jar_and_its_text_is_the_result(
    old: OldLibra, runner: TaskRunner
) -> None:
    run(runner, **JAR, mode="isolated")

    assert [each["kind"] for each in old.ran] == ["jar"]
    assert runner.xcoms["return_value"].startswith("Schema: ")


def test_an_old_libra_starts_nothing_on_a_worker(old: OldLibra, runner: TaskRunner) -> None:
    ended = run(runner, **JAR, deploy_mode="cluster")

    assert ended.state == "failed"
    assert "this version starts no drivers on workers; remove deploy_mode" in str(ended.error)
    assert old.ran == []
