from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from libra_provider.server.driver.host.python import outcome
from libra_provider.server.driver.messages import RunStatement

ORDER = RunStatement(
    job_id="j", session="s", code="", pool="default", result_limit=1, result_max_bytes=1
)
OLD = replace(ORDER, as_text=True)


def failure(kind: str, said: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "message": said, "line": None, "source": None, **more}


@pytest.mark.parametrize(
    ("answer", "sentence", "error_class"),
    [
        (failure("KeyError", "'a'"), "KeyError: 'a'", "KeyError"),
        (failure("KeyError", ""), "KeyError", "KeyError"),
        (failure("E", "no", line=2, source="f()"), "E: no (line 2: f())", "E"),
        (failure("E", "no", line=2, source=""), "E: no (line 2)", "E"),
        (
            failure("E", "token=abc", line=1, source="token=1"),
            "E: token=*** (line 1: token=***)",
            "E",
        ),
        (failure("SystemExit", "3"), "The code called sys.exit with 3", "SystemExit"),
        (
            failure("X", "[NO] No.\nSee there.\n\nJVM stacktrace:\norg.x", condition="NO"),
            "[NO] No. See there.",
            "NO",
        ),
        (
            failure("X", "[NOT_IMPLEMENTED] No rdd. Visit us.", condition="NOT_IMPLEMENTED"),
            "[NOT_IMPLEMENTED] No rdd; the shared driver supports no RDDs and no JVM access, run"
            " the statement ISOLATED",
            "NOT_IMPLEMENTED",
        ),
    ],
)
def test_an_error_is_one_sentence_without_secrets(
    answer: dict[str, Any], sentence: str, error_class: str
) -> None:
    ended = outcome.failed(ORDER, answer, notice="")

    assert (ended.state, ended.error, ended.error_class) == ("FAILED", sentence, error_class)


def test_a_notice_follows_the_sentence() -> None:
    ended = outcome.failed(ORDER, failure("E", "no."), notice="The variables are gone.")

    assert ended.error == "E: no. The variables are gone."


@pytest.mark.parametrize(
    ("value", "text"), [('"a word"', "a word"), ('{"a": 1}', '{"a": 1}'), (None, "")]
)
def test_the_old_contract_gets_the_value_as_text(value: str | None, text: str) -> None:
    assert outcome.succeeded(OLD, value).text == text
    assert outcome.succeeded(ORDER, value).text is None
