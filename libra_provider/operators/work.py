"""What a task runs: one of a statement, a text of Python, and a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libra_provider.core.errors import BadInput
from libra_provider.core.files import located

_SHOWN = 60  # characters of a text in an error


def check_work(given: Mapping[str, str | None]) -> None:
    """Raise BadInput unless one of *given*, by the names of the parameters, is there."""
    names = [name for name in given if given[name] is not None]
    if not names:
        first, *others = given
        raise BadInput(first, None, f"give it, or {', or '.join(others)}: what is to be run")
    if len(names) > 1:
        expected = f"{names[0]} is given too; a task runs one of them"
        raise BadInput(names[1], str(given[names[1]])[:_SHOWN], expected)


def python_code(text: str, beside: Path) -> str:
    """*text* itself, or what the file holds whose path it is; relative ones lie in *beside*."""
    if not text.endswith(".py") or "\n" in text:
        return text
    path = located(text, beside, parameter="python")
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("python", text, f"it cannot be read ({error})") from error
