"""What proxies, login pages and dying servers send, through real sockets, for every verb.

Whatever comes, the caller gets an error of ours: patience where the server may come back, and a
ProtocolError with the beginning of the answer where something else has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra import legacy, logs, results, statements
from libra_provider.clients.libra import run as answer
from libra_provider.clients.libra import server as libra_server
from libra_provider.clients.standalone import pages as spark_ui
from libra_provider.clients.standalone import rest
from libra_provider.core.errors import (
    AccessDenied,
    LibraError,
    ProtocolError,
    ServerBusy,
    ServerError,
    ServerUnreachable,
)
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.operators import SparkClusterJobOperator
from tests.clients.http.conftest import Sender, blocking
from tests.fakes.hostile import HostileServer, Rudeness, page
from tests.fakes.server import Answer
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner

JAR = SparkJob.from_application("/jobs/etl.jar", java_class="org.example.Etl")
SQL = SparkJob(kind=Kind.SQL, code="select 1")
TAG = "ab" * 16
VERBS: dict[str, Call[Any]] = {
    "create": rest.submit(JAR, TAG, master="spark://m:7077"),
    "status": rest.status("driver-1"),
    "kill": rest.kill("driver-1"),
    "ready": rest.ready(),
    "cluster": spark_ui.cluster(),
    "worker": spark_ui.worker_page(),
    "log": spark_ui.driver_log("driver-1", "stderr"),
    "libra submit": statements.submit(SQL, TAG),
    "libra answer": replace(answer.submission(SQL, TAG, wait=1), timeout=None),
    "libra poll": replace(answer.poll("s-1", wait=1), timeout=None),
    "libra status": statements.status("s-1"),
    "libra kill": statements.kill("s-1"),
    "libra statuses": statements.statuses(["s-1"]),
    "libra states": statements.states(["s-1"]),
    "libra statements": statements.statements(),
    "libra result": results.result("s-1"),
    "libra log": logs.log("s-1"),
    "libra written": results.written("s-1"),
    "libra arrow": replace(results.arrow("s-1"), timeout=None),
    "libra health": libra_server.health(),
    "libra sessions": libra_server.sessions(),
    "libra close": libra_server.close_session("mine"),
    "libra estimate": libra_server.estimate("select 1"),
    "old libra submit": replace(legacy.submit(SQL, "http://l:8990"), timeout=None),
}
JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html"
DEEP = b"[" * 200_000
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
DRIP = [page(b"", JSON, length=10**6), *[b" "] * 100]

# What is sent, and what becomes of it: for every verb and both clients.
GARBAGE: dict[str, tuple[Rudeness, type[ServerError]]] = {
    "a login page": (Rudeness([page(b"<html>please log in</html>", HTML)]), ProtocolError),
    "a login page that claims to be JSON": (Rudeness([page(b"<html>", JSON)]), ProtocolError),
    "half a JSON": (Rudeness([page(b'{"success":', JSON)]), ProtocolError),
    "nothing at all": (Rudeness([page(b"", JSON)]), ProtocolError),
    "JSON nested beyond reason": (Rudeness([page(DEEP, JSON)]), ProtocolError),
    "another charset": (Rudeness([page("ü".encode("utf-16"), JSON)]), ProtocolError),
    "gzip that nobody asked for": (
        Rudeness([page(gzip.compress(b'{"success": true}'), JSON, "Content-Encoding: gzip")]),
        ProtocolError,
    ),
    "no gzip, called gzip": (
        Rudeness([page(b"\x00\x01\x02", JSON, "Content-Encoding: gzip")]),
        ProtocolError,
    ),
    "a redirect": (
        Rudeness([page(b"", HTML, "Location: http://127.0.0.1:1/", status="302 Found")]),
        ProtocolError,
    ),
    "a proxy's 404": (
        Rudeness([page(b"no such app", HTML, status="404 Not Found")]),
        ProtocolError,
    ),
    "a proxy's 502": (
        Rudeness([page(b"<html>Bad Gateway</html>", HTML, status="502 Bad Gateway")]),
        ServerUnreachable,
    ),
    "a proxy's 504": (
        Rudeness([page(b"", HTML, status="504 Gateway Timeout")]),
        ServerUnreachable,
    ),
    "silence": (Rudeness(end="keep"), ServerUnreachable),
    "a hang-up": (Rudeness(), ServerUnreachable),
    "a reset": (Rudeness(end="reset"), ServerUnreachable),
    "silence in the head": (Rudeness([b"HTTP/1.1 200 OK\r\nCont"], end="keep"), ServerUnreachable),
    "silence in the body": (
        Rudeness([page(b'{"succ', JSON, length=99)], end="keep"),
        ServerUnreachable,
    ),
    "a reset in the body": (
        Rudeness([page(b'{"succ', JSON, length=99)], end="reset"),
        ServerUnreachable,
    ),
    "a body shorter than announced": (
        Rudeness([page(b'{"success": true}', JSON, length=99)]),
        ServerUnreachable,
    ),
    "a chunked body that breaks off": (Rudeness([CHUNKED + b"ff\r\n{"]), ServerUnreachable),
    "chunks without sizes": (Rudeness([CHUNKED + b"{}{}\r\n"]), ServerUnreachable),
    "a body that drips": (Rudeness(DRIP, pause=0.1), ServerUnreachable),
    "another protocol": (Rudeness([b"SSH-2.0-OpenSSH_9.6\r\n"]), ServerUnreachable),
    "binary noise": (Rudeness([bytes(range(256)) * 8]), ServerUnreachable),
    "a head without end": (
        Rudeness([b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 20_000]),
        ServerUnreachable,
    ),
    "a header without end": (
        Rudeness([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000]),
        ServerUnreachable,
    ),
    "a length that is no number": (
        Rudeness([b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: many\r\n\r\n{}"]),
        ServerError,
    ),
}


def client(url: str, rudeness: Rudeness | None = None) -> Client:
    """One that waits, but not for what *rudeness* never sends."""
    is_silent = rudeness is not None and (rudeness.end == "keep" or rudeness.pause)
    return Client([ServerAddress(url=url, read_timeout=0.1 if is_silent else 30)])


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_becomes_an_error_of_ours_at_every_verb(send: Sender, garbage: str) -> None:
    rudeness, error = GARBAGE[garbage]
    slow = garbage == "a body that drips"
    verbs = ["status"] if slow else VERBS
    with HostileServer(rudeness) as server:
        for verb in verbs:
            if verb == "log" and error is ProtocolError:
                continue  # any text may be a log

            with pytest.raises(error):
                send(client(server.url, rudeness), VERBS[verb])


def test_what_dies_in_its_answer_may_have_done_what_it_was_told(send: Sender) -> None:
    """Otherwise a submission would be sent again, and run twice."""
    for garbage, (rudeness, error) in GARBAGE.items():
        if error is not ServerUnreachable or garbage == "a body that drips":
            continue
        with HostileServer(rudeness) as server, pytest.raises(ServerUnreachable) as caught:
            send(client(server.url, rudeness), VERBS["create"])

        assert caught.value.may_have_arrived, garbage


def test_of_an_endless_answer_only_so_much_is_read(send: Sender) -> None:
    endless = Rudeness([CHUNKED, *[b"100000\r\n" + b" " * 2**20 + b"\r\n"] * 80])
    with (
        HostileServer(endless) as server,
        pytest.raises(ProtocolError, match="larger than the limit of 67108"),
    ):
        send(client(server.url), VERBS["status"])


def test_an_error_shows_nothing_that_steers_a_terminal(send: Sender) -> None:
    rude = Rudeness([page(b"\x1b[2J\x07 token=hidden", HTML)])
    with HostileServer(rude) as server, pytest.raises(ProtocolError) as caught:
        send(client(server.url), VERBS["status"])

    assert "\x1b" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_bytes_behind_an_answer_are_not_taken_for_the_next_one() -> None:
    """A proxy that has lost count would otherwise answer each question with the one before."""
    first = page(b'{"action":"ReadyzResponse","success":true,"serverSparkVersion":"1"}', JSON)
    second = page(b'{"action":"ReadyzResponse","success":true,"serverSparkVersion":"2"}', JSON)
    with HostileServer(Rudeness([first + second], end="next")) as server:
        asked = client(server.url)
        versions = {asked.send(VERBS["ready"]).spark_version for _ in range(3)}
        asked.close()

    assert versions == {"1"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_is_used_again(chunked: bool) -> None:
    body = b'{"action":"ReadyzResponse","success":true}'
    answer = CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else page(body, JSON)

    async def three_times(asked: Client) -> None:
        for _ in range(3):
            await asked.asend(VERBS["ready"])
        await asked.aclose()

    with HostileServer(Rudeness([answer], end="next")) as server:
        asked = client(server.url)
        for _ in range(3):
            asked.send(VERBS["ready"])
        asked.close()
        asyncio.run(three_times(asked))

    assert server.connections == 2


def test_a_page_address_that_is_none_costs_the_page_and_not_the_answer() -> None:
    """It came from a master's page; the user did not write it."""

    def dialogue() -> Dialogue[str]:
        try:
            yield Ask(VERBS["cluster"], "file:///etc/passwd")
        except ServerError as error:
            return str(error)
        return "answered"

    asked = client("http://127.0.0.1:1")

    assert "file:///etc/passwd" in asked.run(dialogue())


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        ("401 Unauthorized", HTML, AccessDenied),
        ("403 Forbidden", JSON, AccessDenied),
        ("503 Service Unavailable", HTML, ServerUnreachable),
    ],
)
def test_statuses_mean_the_same_whatever_the_body(
    send: Sender, status: str, kind: str, error: type[ServerError]
) -> None:
    with HostileServer(Rudeness([page(b"{}", kind, status=status)])) as server:
        for verb in ("create", "status", "kill", "ready"):
            with pytest.raises(error):
                send(client(server.url), VERBS[verb])


@pytest.mark.parametrize("asked", ["inf", "nan", "-5", "1e9", "soon"])
def test_a_busy_server_cannot_make_us_wait_for_ever(asked: str) -> None:
    kind = "Content-Type: application/problem+json"
    busy = page(b'{"detail": "full"}', kind, f"Retry-After: {asked}", status="429 Busy")
    with HostileServer(Rudeness([busy])) as server, pytest.raises(ServerBusy) as caught:
        blocking(client(server.url), VERBS["libra status"])

    assert 0 <= caught.value.retry_after <= 60


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=5)
)
nested = leaves | st.lists(leaves, max_size=2) | st.dictionaries(st.text(max_size=3), leaves)
FIELDS = (
    *(
        "id",
        "host",
        "webuiaddress",
        "state",
        "cores",
        "coresfree",
        "memory",
        "memoryfree",
        "name",
        "starttime",
        "mainclass",
        "duration",
    ),
    *("memoryperexecutor", "memoryperslave", "coresused", "memoryused"),
)
entries = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, nested))
whole = st.fixed_dictionaries(dict.fromkeys(FIELDS, nested))
LISTS = ("workers", "activedrivers", "activeapps", "completeddrivers", "completedapps")
pages = st.fixed_dictionaries(
    {"status": leaves}
    | dict.fromkeys(LISTS, st.lists(entries | whole | leaves, max_size=2) | nested)
)


@given(body=pages)
@example(body={"status": "ALIVE", **{each: [] for each in LISTS}, "activedrivers": "0"})
def test_any_page_of_a_master_is_read_or_becomes_an_error_of_ours(body: dict[str, Any]) -> None:
    """Its fields are there, and hold what they should not: also Infinity, which JSON has not."""
    answer = Reply("http://m:8080", 200, {"content-type": JSON}, json.dumps(body).encode())
    for verb in ("cluster", "worker", "log", "status", "libra result", "libra health"):
        with contextlib.suppress(LibraError):
            VERBS[verb].parse(answer)


@given(head=st.text(max_size=40), numbers=st.lists(st.integers(), min_size=3, max_size=3))
def test_any_head_of_a_log_is_read(head: str, numbers: list[int]) -> None:
    start, end, size = numbers
    told = f"==== Bytes {start}-{end} of {size} of {head} ====\nrest"
    for text in (head, told):
        part = VERBS["log"].parse(Reply("http://w:8081", 200, {}, text.encode(errors="replace")))

        assert part.text in ("", "rest")


@pytest.mark.parametrize("code", ["200 OK", "502 Bad Gateway"])
def test_a_proxy_that_is_down_for_a_while_costs_a_task_nothing_but_time(
    code: str, tmp_path: Path
) -> None:
    """Two questions in a row meet the proxy's own page instead of the master."""
    job, asked = tmp_path / "etl.py", itertools.count()
    job.write_text("")
    rude = Answer(int(code[:3]), "<html>We will be back soon</html>")
    with FakeMaster() as master:
        extra = {"rest_urls": master.url, "ui_urls": master.url}
        connection = {"conn_type": "spark_master", "host": "127.0.0.1", "extra": extra}
        os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(connection)
        master.disturb = lambda request: (
            rude if "/status/" in request.path and next(asked) < 2 else None
        )
        task = SparkClusterJobOperator(
            task_id="etl", application=f"local:{job}", poll_interval=0.01
        )
        result = TaskRunner().run(task)

    assert result.state == "success"
    assert len(master.drivers) == 1
