"""docker-compose.yml as Docker Compose reads it, and as this machine can run it.

What names a place in a container is replaced in the text, before it is read: ports, host names,
folders. Everything else of a command line, of the environment and of a health check stays.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SECRETS_FILE = ROOT / ".env.example"
# The file has one number for a port inside and outside, and a number for one port only.
PORTS = (4040, 6066, 7077, 8080, 8081, 8082, 8083, 8974, 8990)
LOOPBACK = "127.0.0.1"
_VARIABLE = re.compile(r"\$(?:\{(?P<name>\w+):\?[^}]*\}|(?P<dollar>\$)|(?P<other>.))")


@dataclass(frozen=True, slots=True)
class Service:
    """One service, every variable replaced by its value."""

    name: str
    command: list[str]
    healthcheck: list[str]
    environment: dict[str, str] = field(repr=False)
    files: dict[Path, str] = field(repr=False)
    """What is written before it starts: path and text."""
    needs: list[str]
    """The services it waits for."""


def read(text: str, variables: Mapping[str, str]) -> dict[str, Service]:
    """The services in *text*, by name; KeyError for a variable without a value."""
    composed = _interpolated(yaml.safe_load(text), variables)
    configs = composed["configs"]
    return {
        name: Service(
            name=name,
            command=shlex.split(found.get("command", "")),
            healthcheck=found.get("healthcheck", {}).get("test", [])[1:],
            environment=found.get("environment", {}),
            files={
                Path(each["target"]): configs[each["source"]]["content"]
                for each in found.get("configs", [])
            },
            needs=list(found.get("depends_on", {})),
        )
        for name, found in composed["services"].items()
    }


def variables_in(text: str) -> set[str]:
    """The names of all ``${NAME:?…}``; ValueError for a variable in any other form."""
    found = list(_VARIABLE.finditer(text))
    if odd := [match[0] for match in found if match["other"]]:
        raise ValueError(f"{odd}: write ${{NAME:?how to get it}}, or $$ for a dollar")
    return {match["name"] for match in found if match["name"]}


def moved(text: str, *, ports: Mapping[int, int], folders: Mapping[str, Path]) -> str:
    """*text* with this machine's ports, loopback and folders instead of the containers'."""
    names = "|".join(yaml.safe_load(text)["services"])
    # Only where an address begins: "libra" is also a command.
    text = re.sub(rf'(//|@|host": "|--host )(?:{names})(?=[:"\s])', rf"\g<1>{LOOPBACK}", text)
    text = text.replace("0.0.0.0", LOOPBACK)
    text = re.sub(r"(?<![\w.])\d{4}(?![\w.])", lambda m: str(ports.get(int(m[0]), m[0])), text)
    for folder in sorted(folders, key=len, reverse=True):
        text = re.sub(rf"(?<![\w/.]){folder}(?![\w-])", str(folders[folder]), text)
    return text


def _interpolated(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolated(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(each, variables) for each in node]
    if isinstance(node, str):
        return _VARIABLE.sub(lambda m: variables[m["name"]] if m["name"] else "$", node)
    return node
