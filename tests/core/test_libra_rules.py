"""What Libra takes of a job, and whose driver runs it there."""

from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.libra_rules import check_statement, why_isolated

SQL = {"kind": Kind.SQL, "code": "select 1"}
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
    check_statement(job)

    assert why_isolated(job) == why


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
    check_statement(SparkJob(**fields))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({**SQL, "mode": "isolated", "pool_name": "p"}, "Invalid pool_name='p'"),
        ({**SQL, **MEMORY}, "Invalid conf=['spark.executor.memory']: the shared driver"),
        ({**SQL, "deploy_mode": "client"}, "Invalid deploy_mode='client': only a dedicated"),
        (
            {**FILE, "mode": "shared"},
            "use isolated, or pass the file as python",
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
        check_statement(job)

    assert sentence in str(caught.value)
