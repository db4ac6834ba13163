from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from libra_provider.server.settings import Settings
from tests.server.running import RunningLibra

PATH = "/api/v1/sessions/default/statements"
RIGHT = {"Authorization": "Bearer right"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLibra]:
    folder = tmp_path_factory.mktemp("libra")
    settings = Settings(port=0, data_dir=folder, token="right", drain_seconds=0.0)
    with RunningLibra(settings) as running:
        running.post(PATH, json={"code": "rows 1"}, headers=RIGHT)
        yield running


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/nowhere", "/metrics", "/nowhere"])
@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic right"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer right right"},
        {"Authorization": "Bearer ríght".encode("latin-1")},
    ],
    ids=str,
)
def test_nobody_learns_anything_without_the_token(
    guarded: RunningLibra, header: dict[str, str], path: str
) -> None:
    reply = guarded.get(path, headers=header)

    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert "token" in reply.json()["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(guarded: RunningLibra, scheme: str) -> None:
    reply = guarded.get("/api/v1/health", headers={"Authorization": f"{scheme} right"})

    assert reply.status_code == 200


def test_a_body_is_not_waited_for_from_those_without_the_token(guarded: RunningLibra) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: libra\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=30) as connection:
        connection.sendall(head.encode())

        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_probes_and_the_document_need_no_token(guarded: RunningLibra) -> None:
    assert guarded.get("/livez").json() == {"status": "alive"}
    assert guarded.get("/readyz").json() == {"status": "ready", "epoch": 1}
    assert guarded.get("/openapi.json").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"code": "rows 1", "resultPath": "s3a://key:s3cr3t@bucket/x"},
        {"code": "rows 1", "tags": {}, "password": "s3cr3t"},
        {"code": "rows 1", "tags": {}, "options": {"password": "s3cr3t"}},
        {"code": "rows 1", "tags": {}, "args": ["--password", "s3cr3t"]},
        {"code": "rows 1", "tags": {}, "sparkConfig": {"spark.x.password": "s3cr3t"}},
        {"code": "rows 1", "tags": {}, "pool": "token=s3cr3t"},
        {"code": "rows 1", "tags": {}, "pool": "https://me:s3cr3t@host/"},
        {"code": "rows 1", "tags": "s3cr3t"},
        {"code": "rows 1", "parameters": "s3cr3t"},
    ],
    ids=lambda body: str(list(body)),
)
def test_a_refusal_does_not_repeat_secrets(guarded: RunningLibra, body: dict[str, object]) -> None:
    reply = guarded.post(PATH, json=body, headers=RIGHT)

    assert reply.status_code == 400
    assert "s3cr3t" not in reply.text


def test_a_refusal_is_short_whatever_was_sent(guarded: RunningLibra) -> None:
    reply = guarded.post(PATH, json={"kind": "x" * 100_000, "code": "rows 1"}, headers=RIGHT)

    assert reply.status_code == 400
    assert len(reply.text) < 2000
    assert reply.json()["detail"].endswith(": expected sql, python, python-file, jar or jar-class.")
