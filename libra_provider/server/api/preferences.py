"""How a client wants its answer: ``Prefer`` (RFC 7240) and ``Accept`` (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

# A connection that is silent for longer is cut by somebody between client and Libra.
LONGEST_WAIT = 600
_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE | re.ASCII)
_REPRESENTATION = re.compile(r"return\s*=\s*\"?representation\"?", re.IGNORECASE)
_QUALITY = re.compile(r"q\s*=\s*(0(\.\d*)?|1(\.0*)?)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Preference:
    """The ``Prefer`` headers; ``applied`` are those that Libra follows, as it says.

    ``seconds`` is how long to wait for the end, None meaning until it comes; ``rows`` asks for the
    rows of a small result in the same answer.
    """

    given: bool = False
    seconds: float | None = None
    rows: bool = False
    applied: str = ""

    @classmethod
    def of(cls, headers: Sequence[str]) -> Self:
        """What *headers* ask for; tokens that are not known are ignored, as the RFC says."""
        if not headers:
            return cls()
        tokens = [part.partition(";")[0].strip() for each in headers for part in each.split(",")]
        waits = [int(found[1]) for token in tokens if (found := _WAIT.fullmatch(token))]
        rows = any(_REPRESENTATION.fullmatch(token) for token in tokens)
        seconds, applied = None, []
        if waits:
            seconds = min(waits[0], LONGEST_WAIT)
            applied.append(f"wait={seconds}")
        elif "respond-async" in map(str.lower, tokens):
            seconds = 0
            applied.append("respond-async")
        applied += ["return=representation"] * rows
        return cls(True, seconds, rows, ", ".join(applied))


def best_of(accept: str, offered: Sequence[str]) -> str | None:
    """Which of *offered* an ``Accept`` header likes best, the first of equals; None for none."""
    liked = dict(map(_liking, accept.split(",")))

    def quality(media: str) -> float:
        # The most specific range counts, however it is rated.
        names = (media, f"{media.partition('/')[0]}/*", "*/*")
        return next((liked[name] for name in names if name in liked), 0.0)

    best = max(offered, key=quality)
    return best if quality(best) else None


def _liking(media_range: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in media_range.split(";"))
    found = [float(match[1]) for each in parameters if (match := _QUALITY.fullmatch(each))]
    return media, found[0] if found else 1.0
