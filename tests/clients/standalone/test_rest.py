from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.standalone import pages, rest
from libra_provider.core.errors import (
    AccessDenied,
    JobError,
    LibraError,
    ProtocolError,
    Rejected,
    ServerBusy,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.states import JobState

MASTER = "spark://m1:7077,m2:7077"
JAR = SparkJob.from_application(
    "/jobs/etl.jar", java_class="org.example.Etl", jars=["/jobs/lib.jar"], supervise=True
)


def reply(body: object, status: int = 200, kind: str = "application/json") -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply("http://m1:6066", status, {"content-type": kind}, content)


def status_of(**body: Any) -> Any:
    answer = {"action": "SubmissionStatusResponse", "success": True, **body}
    return rest.status("driver-1").parse(reply(answer))


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUBMITTED", JobState.WAITING),
        ("RUNNING", JobState.RUNNING),
        ("RELAUNCHING", JobState.RUNNING),
        ("UNKNOWN", JobState.UNCLEAR),
        ("FINISHED", JobState.SUCCEEDED),
        ("FAILED", JobState.FAILED),
        ("ERROR", JobState.FAILED),
        ("KILLED", JobState.KILLED),
    ],
)
def test_every_word_of_the_master_has_one_meaning(word: str, state: JobState) -> None:
    assert status_of(driverState=word).state is state


def test_a_word_that_spark_does_not_have_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="driverState='DANCING'"):
        status_of(driverState="DANCING")


def test_a_driver_that_the_master_does_not_know_is_lost_and_may_still_run() -> None:
    found = status_of(success=False)

    assert found.state is JobState.LOST
    assert "its process may still run" in found.detail
    assert "spark.deploy.retainedDrivers" in found.detail


def test_the_status_says_on_which_worker_the_driver_is() -> None:
    found = status_of(driverState="RUNNING", workerId="worker-1", workerHostPort="h:7078")

    assert str(found.location) == "on worker worker-1 at h"


def test_why_a_driver_could_not_be_started_is_told_without_its_stack_trace() -> None:
    """A worker could not fetch its application; there is no log that would show it."""
    found = status_of(driverState="ERROR", message="Exception from the cluster:\njava.io…\n\tat x")

    assert found.detail == "Exception from the cluster: java.io…"


# What a standby of Spark 4.3 answers, and one that recovers, the same with RECOVERING.
NOT_ALIVE = "Current state is not alive: STANDBY. Can only %s in ALIVE state."
TRACE = "Exception from the cluster:\njava.lang.Exception: " + NOT_ALIVE + "\n\torg.apache.spark…"
STANDBY = [
    (
        rest.submit(JAR, "ab" * 16, master=MASTER),
        "CreateSubmissionResponse",
        NOT_ALIVE % "accept driver submissions",
    ),
    (
        rest.status("driver-1"),
        "SubmissionStatusResponse",
        TRACE % "request driver status",
    ),
    (rest.kill("driver-1"), "KillSubmissionResponse", NOT_ALIVE % "kill drivers"),
]


@pytest.mark.parametrize(("call", "action", "message"), STANDBY)
@pytest.mark.parametrize("state", ["STANDBY", "RECOVERING", "COMPLETING_RECOVERY"])
def test_a_master_that_does_not_lead_is_busy_and_knows_nothing_of_a_driver(
    call: Call[object], action: str, message: str, state: str
) -> None:
    """Its ``success: false`` would otherwise make a running driver lost."""
    said = message.replace("STANDBY", state)
    with pytest.raises(ServerBusy, match=f"this master is {state}$"):
        call.parse(reply({"action": action, "success": False, "message": said}))


def test_a_standby_is_not_ready() -> None:
    answer = reply({"action": "ErrorResponse", "message": "Master is not ready."}, 503)

    with pytest.raises(ServerBusy, match="Master is not ready"):
        rest.ready().parse(answer)


def test_a_master_that_could_not_look_has_not_forgotten_the_driver() -> None:
    found = status_of(success=False, message="Exception from the cluster:\njava.lang.X\n\tat x")

    assert found.state is JobState.UNCLEAR


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (reply(b"<html>Forbidden</html>", 403, "text/html"), AccessDenied, "JWS secret key"),
        (reply(b"", 401, "text/html"), AccessDenied, "JWS secret key"),
        (reply(b"<html>Spark Master at spark://m", kind="text/html"), ProtocolError, "rest_port"),
        (reply(b"<html>please log in</html>", kind="text/html"), ProtocolError, "please log in"),
        (reply(b'{"success":', kind="application/json"), ProtocolError, "JSON object"),
        (reply(b"Bad Gateway", 502, "text/html"), ServerUnreachable, "HTTP 502"),
        (
            reply({"action": "ErrorResponse", "message": "Malformed\n\tat a.b.C"}, 400),
            Rejected,
            "HTTP 400.*: Malformed$",
        ),
    ],
)
@pytest.mark.parametrize("call", [rest.status("driver-1"), rest.kill("driver-1"), rest.ready()])
def test_what_is_no_answer_becomes_the_right_error(
    call: Call[object], answer: Reply, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        call.parse(answer)


@pytest.mark.parametrize("driver_id", ["", "../killall", "driver-1/../../clear", "a statement"])
def test_an_id_that_is_none_reaches_no_other_endpoint(driver_id: str) -> None:
    with pytest.raises(JobError, match="not the id of a driver; expected the form driver-2"):
        rest.kill(driver_id)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = ["action", "success", "driverState", "submissionId", "message", "workerId", "workers"]


@given(
    body=st.dictionaries(st.sampled_from(fields), json_values)
    | json_values
    | st.binary(max_size=30),
    status=st.sampled_from([200, 204, 301, 400, 403, 404, 500, 502, 503]),
    kind=st.sampled_from(["application/json;charset=utf-8", "text/html", ""]),
)
def test_any_reply_is_read_or_becomes_an_error_of_ours(
    body: object, status: int, kind: str
) -> None:
    calls: list[Call[object]] = [
        rest.status("driver-1"),
        rest.kill("driver-1"),
        rest.ready(),
        rest.submit(JAR, "ab" * 16, master=MASTER),
        pages.cluster(),
        pages.worker_page(),
        pages.driver_log("driver-1", "stderr"),
    ]
    for call in calls:
        with contextlib.suppress(LibraError):
            call.parse(reply(body, status, kind))


def test_a_part_of_a_log_knows_where_it_begins_and_ends() -> None:
    text = b"==== Bytes 10-16 of 90 of /work/driver-1/stderr ====\nhello\n"
    part = pages.driver_log("driver-1", "stderr", offset=10).parse(reply(text, kind="text/plain"))

    assert part == pages.LogPart("hello\n", 10, 16, 90)


def test_a_driver_that_has_not_begun_has_an_empty_log() -> None:
    part = pages.driver_log("driver-1", "stderr").parse(
        reply(b"Error: no such log", kind="text/plain")
    )

    assert part.size == 0


JAVA = """26/11/20 10:00:00 WARN NativeCodeLoader: Unable to load native-hadoop library
Exception in thread "main" java.lang.IllegalStateException: no such day
\tat org.example.Etl.main(Etl.java:7)
Caused by: java.io.FileNotFoundException: /data/day
"""
WRAPPED = """Exception in thread "main" java.lang.reflect.InvocationTargetException
\tat java.base/java.lang.reflect.Method.invoke(Method.java:569)
Caused by: java.lang.IllegalStateException: no such day
\tat org.example.Etl.main(Etl.java:7)
"""
PYTHON_LOG = """26/11/20 10:00:00 INFO SparkContext: Running Spark version 4.3.0
Traceback (most recent call last):
  File "/jobs/etl.py", line 3, in <module>
    raise ValueError("no such day")
ValueError: no such day
org.apache.spark.SparkUserAppException: User application exited with 1
"""


@pytest.mark.parametrize(
    ("log", "first"),
    [
        (JAVA, "java.lang.IllegalStateException: no such day"),
        (WRAPPED, "java.lang.IllegalStateException: no such day"),
        (PYTHON_LOG, "ValueError: no such day"),
        (
            "26/11/20 10:00:00 WARN Utils: a host\nError: Failed to load class no.Such.\n",
            "Error: Failed to load class no.Such.",
        ),
        ("26/11/20 10:00:00 INFO everything is fine\n", None),
        ("Traceback (most recent call last):", None),
        ("", None),
    ],
)
def test_the_first_exception_of_a_log_is_the_one_that_explains(log: str, first: str | None) -> None:
    assert pages.first_exception(log) == first
