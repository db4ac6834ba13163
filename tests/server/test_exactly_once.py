"""One key and one body are one statement, whatever happens in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.server.api.test_statements import AT_ONCE, PATH, WAIT, submit
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

KEY = {"Idempotency-Key": "a tag"}


def send(api: RunningLibra, code: str) -> requests.Response:
    headers = KEY | AT_ONCE
    return requests.post(api.url + PATH, json={"code": code}, headers=headers, timeout=60)


def test_a_hundred_concurrent_duplicates_are_one_statement(
    make_libra: MakeLibra, ledger_url: str
) -> None:
    codes = ["rows 1", "rows 1", "rows 2", "rows 1"] * 25
    with make_libra(ledger_url=ledger_url) as api, ThreadPoolExecutor(25) as clients:
        replies = list(clients.map(lambda code: send(api, code), codes))
        listed = api.get("/api/v1/statements").json()["statements"]

    assert len(listed) == 1
    accepted = {code for code, reply in zip(codes, replies, strict=True) if reply.ok}
    assert len(accepted) == 1
    assert {reply.json()["jobId"] for reply in replies} == {listed[0]["jobId"]}
    assert {r.status_code for r, code in zip(replies, codes, strict=True) if code in accepted} <= {
        200,
        202,
    }
    assert {r.status_code for r, c in zip(replies, codes, strict=True) if c not in accepted} == {
        409
    }


@pytest.mark.parametrize("code", ["rows 1", "fail", "die"])
def test_neither_an_end_nor_a_restart_nor_other_settings_make_it_another(
    make_libra: MakeLibra, ledger_url: str, code: str
) -> None:
    body: dict[str, Any] = {"parameters": [1], "tags": {"a": "b"}, "timeoutSeconds": 60}
    with make_libra(ledger_url=ledger_url, result_limit=10) as api:
        first = submit(api, code, KEY | WAIT, **body)
        ended = submit(api, code, KEY | WAIT, **body)
    with make_libra(ledger_url=ledger_url, result_limit=20, max_running=3) as api:
        restarted = submit(api, code, KEY | WAIT, **body)
        other = api.post(PATH, json=body | {"code": code, "resultLimit": 20}, headers=KEY)

    assert first == ended == restarted
    assert other.status_code == 409


def test_a_full_queue_still_answers_what_it_has_accepted(make_libra: MakeLibra) -> None:
    with make_libra(max_running=1, max_pending=1) as api:
        api.ready()
        submit(api, "hang", AT_ONCE)
        waiting = submit(api, "hang", KEY | AT_ONCE)
        again = submit(api, "hang", KEY | AT_ONCE)
        refused = api.post(PATH, json={"code": "hang"}, headers=AT_ONCE)

    assert again["jobId"] == waiting["jobId"]
    assert refused.status_code == 429
