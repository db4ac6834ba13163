"""Which fields a job can have, what Libra takes of it, and whose driver runs it there."""

from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import check_work
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind

SQL: dict[str, Any] = {"kind": Kind.SQL, "code": "select 1"}
PYTHON = {"kind": Kind.PYTHON, "code": "1"}
FILE = {"kind": Kind.PYTHON_FILE, "application": "/a.py"}
JAR = {"kind": Kind.JAR, "application": "/a.jar", "java_class": "A"}
JAR_CLASS = {**JAR, "kind": Kind.JAR_CLASS}
MEMORY = {"conf": {"spark.executor.memory": "2g"}}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (SQL, ""),
        (PYTHON, ""),
        (JAR_CLASS, ""),
        ({**PYTHON, "mode": "isolated"}, "mode isolated"),
        ({**PYTHON, **MEMORY}, "spark.executor.memory"),
        ({**JAR_CLASS, **MEMORY}, "spark.executor.memory"),
        ({**SQL, **MEMORY, "mode": "isolated"}, "mode isolated"),
        (FILE, "kind python-file"),
        (JAR, "kind jar"),
    ],
)
def test_kind_mode_and_resources_say_whose_driver_it_is(fields: dict[str, Any], why: str) -> None:
    job = SparkJob(**fields)
    job.check_for_libra()

    assert job.why_isolated == why


@pytest.mark.parametrize(
    "fields",
    [
        {**FILE, "mode": "isolated", "deploy_mode": "cluster", **MEMORY, "timeout": 60.0},
        {**JAR, "deploy_mode": "client", "application_args": ["1"]},
        {**PYTHON, "mode": "isolated", "deploy_mode": "client", "application_args": ["1"]},
        {**PYTHON, "mode": "isolated", "deploy_mode": "cluster", "result_limit": 5},
        {**FILE, "result_path": "/lake"},
        {**SQL, "mode": "isolated", "deploy_mode": "cluster", "parameters": {"n": 1}},
        {**SQL, "mode": "isolated", "result_path": "/lake", **MEMORY},
        {**PYTHON, "mode": "shared", "session": "mine", "pool_name": "p", "result_limit": 5},
        {**JAR_CLASS, "session": "mine", "pool_name": "p"},
        {**SQL, "mode": "shared", "parameters": {"n": 1}, "result_path": "/lake"},
    ],
)
def test_what_goes_together_is_taken(fields: dict[str, Any]) -> None:
    SparkJob(**fields).check_for_libra()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({**SQL, "mode": "isolated", "pool_name": "p"}, "Invalid pool_name='p'"),
        ({**SQL, **MEMORY}, "Invalid conf=['spark.executor.memory']: the shared driver"),
        ({**SQL, "deploy_mode": "client"}, "Invalid deploy_mode='client': only a dedicated"),
        (
            {**FILE, "mode": "shared"},
            "use mode='isolated', or pass the file as python",
        ),
        ({**JAR, "mode": "shared"}, "Invalid mode='shared': kind jar needs a dedicated driver"),
        ({**PYTHON, **MEMORY, "mode": "shared"}, "spark.executor.memory needs a dedicated driver"),
        ({**PYTHON, "deploy_mode": "client"}, "add mode='isolated' or omit it"),
        ({**PYTHON, "conf": {"spark.sql.ansi.enabled": "true"}}, "use spark.conf.set, or mode="),
        ({**JAR_CLASS, "conf": {"spark.a": "b"}}, "use mode='isolated'"),
        ({**JAR, "conf": {"spark.master": "local"}}, "Invalid conf['spark.master']='local'"),
        (
            {**JAR, "deploy_mode": "client", "conf": {"spark.submit.deployMode": "cluster"}},
            "Invalid conf['spark.submit.deployMode']='cluster': use deploy_mode instead",
        ),
        ({**FILE, "session": "mine"}, "Invalid session='mine': sessions belong to the shared"),
        ({**PYTHON, "mode": "isolated", "session": "mine"}, "Invalid session='mine'"),
        ({**FILE, "pool_name": "p"}, "Invalid pool_name='p'"),
        ({**JAR, "result_limit": 5}, "Invalid result_limit=5: a main class returns no rows"),
        ({**JAR_CLASS, "result_path": "/lake"}, "Invalid result_path='/lake': a main class"),
        ({**FILE, "py_files": ["a.py"]}, "at Libra, use conf['spark.submit.pyFiles']"),
        ({**FILE, "env_vars": {"TOKEN": "t0p"}}, "Invalid env_vars='***'"),
        ({**FILE, "supervise": True}, "Invalid supervise=True"),
        ({**FILE, "driver_timeout": 60.0}, "at Libra, use timeout."),
    ],
)
def test_what_libra_would_refuse_or_ignore_is_said_before(
    fields: dict[str, Any], sentence: str
) -> None:
    job = SparkJob(**fields)

    with pytest.raises(BadInput) as caught:
        job.check_for_libra()

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((None, None), "Missing sql: pass exactly one of sql, python."),
        (("", ""), "Invalid python='': pass exactly one of sql, python; sql is set too."),
        (("1", "2" * 99), f"Invalid python='{'2' * 60}': pass exactly one of sql, python; sql"),
    ],
)
def test_exactly_one_kind_of_work_is_passed(given: tuple[str | None, ...], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_work(dict(zip(("sql", "python"), given, strict=True)))

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {**PYTHON, "parameters": {}},
        {**FILE, "parameters": [], "java_class": ""},
        {**SQL, "application_args": [], "conf": {}, "env_vars": {}, "py_files": []},
        {**JAR, "result_limit": None, "session": "", "pool_name": ""},
        {**SQL, "mode": "isolated", "session": ""},
    ],
)
def test_what_is_empty_counts_as_not_given(fields: dict[str, Any]) -> None:
    SparkJob(**fields).check_for_libra()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({**SQL, "code": ""}, "Invalid sql='': expected non-empty text"),
        ({**PYTHON, "code": "\n"}, "Invalid python='\\n': expected non-empty text"),
        ({**JAR, "java_class": ""}, "Invalid java_class='': a JAR needs the name"),
        ({**SQL, "result_limit": 0}, "Invalid result_limit=0: expected 1 to"),
        ({**JAR, "result_limit": 0}, "Invalid result_limit=0: expected 1 to"),
        ({**JAR, "result_path": ""}, "Invalid result_path='': expected a URL"),
        ({**SQL, "timeout": 0}, "Invalid timeout=0: expected more than 0"),
        ({**FILE, "driver_timeout": 0}, "Invalid driver_timeout=0"),
        ({**SQL, "mode": ""}, "Invalid mode=''"),
        ({**FILE, "deploy_mode": ""}, "Invalid deploy_mode=''"),
        ({**SQL, "parameters": ""}, "Invalid parameters=''"),
        ({**SQL, "name": ""}, "Invalid name=''"),
    ],
)
def test_an_empty_value_that_would_mean_something_is_refused(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInput) as caught:
        SparkJob(**fields)

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "/lake",
        "s3a://bucket/a@b:c",
        "hdfs://name:8020/a@b",
        "abfss://container@account.dfs.core.windows.net/lake",
    ],
)
def test_rows_can_be_written_to_each_kind_of_storage(path: str) -> None:
    assert SparkJob(**SQL, result_path=path).result_path == path


@pytest.mark.parametrize("path", ["s3a://key:hunter2@bucket/x", "https://:hunter2@host/x"])
def test_a_path_with_a_password_is_refused_without_showing_it(path: str) -> None:
    with pytest.raises(BadInput, match="this one holds credentials") as caught:
        SparkJob(**SQL, result_path=path)

    assert "hunter2" not in str(caught.value)


def test_only_a_dedicated_driver_has_a_limit_for_parameters() -> None:
    long = {"n": "x" * 100_000}
    SparkJob(**SQL, parameters=long).check_for_libra()

    with pytest.raises(
        BadInput, match=r"parameters='\*\*\*': a dedicated driver takes up to 48 KiB"
    ):
        SparkJob(**SQL, parameters=long, mode="isolated").check_for_libra()


def test_the_size_of_parameters_is_that_in_the_environment_of_the_driver() -> None:
    """A worker must find nothing to replace there, so braces are longer."""
    fits, escaped = {"n": "x" * 48_000}, {"n": "{{" * 24_000}
    SparkJob(**SQL, parameters=fits, mode="isolated").check_for_libra()

    with pytest.raises(BadInput, match=r"and these are 164\.1 KiB; put the values into a table"):
        SparkJob(**SQL, parameters=escaped, mode="isolated").check_for_libra()
