from __future__ import annotations

from collections.abc import Sequence

import pytest

from libra_provider.server.api.preferences import Preference, best_of

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize(
    ("headers", "seconds", "applied"),
    [
        ([], None, ""),
        (["respond-async"], 0, "respond-async"),
        (["Wait=10"], 10, "wait=10"),
        (['wait="10"'], 10, "wait=10"),
        (["wait = 10 ; reason=none"], 10, "wait=10"),
        (["wait=10, wait=20"], 10, "wait=10"),
        (["respond-async, wait=10"], 10, "wait=10"),
        (["respond-async", "wait=10"], 10, "wait=10"),
        (["wait=999999999"], 600, "wait=600"),
        (["wait=-1"], None, ""),
        (["wait=1e3"], None, ""),
        (["wait=" + "9" * 5000], None, ""),
        (["wait=٣"], None, ""),
        (["handling=lenient"], None, ""),
        (["return=representation, wait=1"], 1, "wait=1, return=representation"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_prefer_is_read_as_the_rfc_has_it(
    headers: Sequence[str], seconds: float | None, applied: str
) -> None:
    preference = Preference.of(headers)

    assert (preference.seconds, preference.applied) == (seconds, applied)
    assert preference.given == bool(headers)


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (ARROW, ARROW),
        (ARROW.upper(), ARROW),
        (f"{JSON};q=0.5, {ARROW}", ARROW),
        (f"{JSON};q=0.5, */*", ARROW),
        (f"{ARROW};q=0, */*;q=0.1", JSON),
        (f"{JSON};q=0.5, {ARROW};q=0.5", JSON),
        (f"{JSON};q=nonsense", JSON),
        ("text/html", None),
        ("text/html, */*;q=0", None),
        ("", None),
    ],
)
def test_accept_is_read_as_the_rfc_has_it(accept: str, best: str | None) -> None:
    assert best_of(accept, (JSON, ARROW)) == best
