"""``KEY=VALUE`` on a command line."""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider.core.errors import BadInput


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """The keys and values of a repeated *option*; raises BadInput for one without ``=``."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise BadInput(option, text, "it looks like KEY=VALUE")
        found[key] = value
    return found
