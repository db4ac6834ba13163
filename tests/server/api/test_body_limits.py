from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from libra_provider.server.timing import RequestTiming, ServerTiming
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

PATH = "/api/v1/sessions/default/statements"
MOST = 10_000


@pytest.fixture(scope="module")
def api(shared_api: RunningLibra) -> RunningLibra:
    return shared_api


@pytest.fixture
def narrow(make_libra: MakeLibra) -> Iterator[RunningLibra]:
    with make_libra(max_request_bytes=MOST) as running:
        yield running


def say(api: RunningLibra, *lines: str, body: bytes = b"") -> bytes:
    """The response to this incomplete request, whose rest is never sent."""
    head = "\r\n".join((*lines, "Host: libra", "", "")).encode()
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(head + body)
        return connection.recv(65536)


def test_a_body_that_declares_too_much_is_refused_before_it_comes(narrow: RunningLibra) -> None:
    declared = say(narrow, f"POST {PATH} HTTP/1.1", f"Content-Length: {10**12}")

    assert declared.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in declared
    assert b"max_request_bytes" in declared


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_long(narrow: RunningLibra) -> None:
    chunks = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    refused = say(narrow, f"POST {PATH} HTTP/1.1", "Transfer-Encoding: chunked", body=3 * chunks)

    assert refused.startswith(b"HTTP/1.1 413 ")


def test_a_body_up_to_the_limit_is_taken(narrow: RunningLibra) -> None:
    text = "rows 1"
    frame = len(b'{"code": ""}')
    reply = narrow.post(PATH, json={"code": text.ljust(MOST - frame)})

    assert reply.status_code == 200
    assert narrow.post(PATH, json={"code": text.ljust(MOST - frame + 1)}).status_code == 413


def test_chunks_within_the_limit_are_one_body(narrow: RunningLibra) -> None:
    reply = narrow.post(
        PATH,
        data=iter([b'{"code": ', b'"rows 1"}']),
        headers={"Content-Type": "application/json"},
    )

    assert reply.json()["result"] == "Total rows: 1"


def test_a_body_that_does_not_come_is_not_waited_for(make_libra: MakeLibra) -> None:
    with make_libra(timing=ServerTiming(requests=RequestTiming(body=0.2))) as api:
        late = say(api, f"POST {PATH} HTTP/1.1", "Content-Length: 10", body=b"{")

        assert late.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive within" in late


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_is_not_declared_as_json_is_415(api: RunningLibra, media: str | None) -> None:
    reply = api.post(PATH, data=b'{"code": "rows 1"}', headers={"Content-Type": media})

    assert reply.status_code == 415
    assert "application/json" in reply.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"text"',
        b'{"code": "\\ud800"}',
        b'{"code": "rows 1", "resultLimit": ' + b"9" * 5000 + b"}",
        b'{"code": "rows 1", "resultLimit": 2147483648}',
        b'{"code": "rows 1", "timeoutSeconds": NaN}',
        b'{"code": "rows 1", "timeoutSeconds": Infinity}',
        b'{"code": "rows 1", "timeoutSeconds": 0}',
        b'{"code": "rows 1", "parameters": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"code": "rows 1", "parameters": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"code": "rows 1", "parameters": {"a": "\\udfff"}}',
        b'{"code": "rows 1", "tags": {"a": "\\u0000"}}',
        b'{"code": "rows 1", "tags": {"a": 1}}',
        b'{"code": "rows 1", "resultPath": "\\u0000", "tags": {}}',
        b'{"code": "rows 1", "resultPath": ""}',
        b'{"code": "rows 1", "tags": {}, "\\ud800": 1}',
        "{'code': 'é'}".encode("latin-1"),
    ],
    ids=lambda body: repr(body[:50]),
)
def test_a_body_that_cannot_be_is_400_with_a_sentence(api: RunningLibra, body: bytes) -> None:
    reply = api.post(PATH, data=body, headers={"Content-Type": "application/json"})

    assert reply.status_code == 400
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json()["detail"].endswith(".")
