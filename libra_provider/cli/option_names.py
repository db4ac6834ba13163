"""Names options in errors about parameters: ``result_limit`` of a job is ``--limit`` here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from typer.core import TyperArgument, TyperCommand

from libra_provider.core.errors import BadInput
from libra_provider.deploy_mode.policy import THRESHOLDS

# Parameters that a command names otherwise → the command's own, likeliest first.
_OTHERWISE: Mapping[str, tuple[str, ...]] = {
    "application_args": ("arguments",),
    "env_vars": ("env",),
    "expected_duration": ("duration",),
    "parameters": ("param",),
    "pool_name": ("pool",),
    "python": ("file", "arguments"),
    "result_limit": ("limit",),
    "sql": ("statement",),
    "task_seconds": ("task_duration",),
    "url": ("libra", "rest", "ui"),
    **dict.fromkeys(THRESHOLDS, ("policy",)),
}
_PARAMETER = re.compile(r"(?P<name>\w+)(?:\['?(?P<key>[^\]]*?)'?\])?")
# In a sentence, only what is no ordinary word there.
_MENTIONED = re.compile(r"(?<![\w.'-])(?:\w+(?==| is set too)|\w+\['[^\]]*?'\]|[a-z]+_[a-z_]+)")
_MODE = re.compile(r"\bmode='(shared|isolated)'")


class Command(TyperCommand):
    """A command whose errors name its options."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raises BadInput in the names of its options."""
        try:
            return super().invoke(ctx)
        except BadInput as error:
            raise in_options(error, spelled(self), ctx.params) from error


def spelled(command: TyperCommand) -> dict[str, str]:
    """Each parameter of the function of *command* as on the command line: --option or ARGUMENT."""
    return {
        str(each.name): (each.metavar or str(each.name).upper()).split()[0]
        if isinstance(each, TyperArgument)
        else next(option for option in each.opts if option.startswith("--"))
        for each in command.params
    }


def in_options(
    error: BadInput, options: Mapping[str, str], given: Mapping[str, object]
) -> BadInput:
    """*error* in the names of *options*, which :func:`spelled` returns, with the values *given*."""
    name, value, expected = error.parameter, error.value, error.expected
    if "isolated" in options:  # here, each mode is a flag
        expected = _MODE.sub(r"--\1", expected)
    expected = _MENTIONED.sub(lambda found: _mention(found[0], options, given), expected)
    if name == "mode" and "isolated" in options:
        return BadInput(f"--{value}", True, expected)
    return BadInput(_option(name, value, options, given), value, expected)


def _mention(parameter: str, options: Mapping[str, str], given: Mapping[str, object]) -> str:
    return parameter if parameter in THRESHOLDS else _option(parameter, None, options, given)


def _option(
    parameter: str, value: object, options: Mapping[str, str], given: Mapping[str, object]
) -> str:
    """The option for *parameter*; for a key of it, such as ``conf['a']``, ``--conf a``."""
    found = _PARAMETER.fullmatch(parameter)
    name, key = found.groups() if found else ("", "")
    key = name if name in THRESHOLDS else key
    if own := _own_name(name, value, given):
        return f"{options[own]} {key}" if key else options[own]
    return parameter


def _own_name(parameter: str, value: object, given: Mapping[str, object]) -> str:
    """What the command calls *parameter*: the one that has *value*, or is given; or empty."""
    names = [each for each in _OTHERWISE.get(parameter, (parameter,)) if each in given]
    set_ones = [each for each in names if given[each] is not None]
    if value is not None and not set_ones:
        return ""  # it comes from a variable or a file, such as a setting of Libra
    has_it = [each for each in set_ones if str(value) in str(given[each])]
    return next(iter([*has_it, *set_ones, *names]), "")
