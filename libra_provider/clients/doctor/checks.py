"""What a check of a connection is made of: steps in turn, within a time, and their verdict."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress, Transport
from libra_provider.core.errors import ServerUnreachable

T = TypeVar("T")
# Airflow's page waits for the whole of it, and people for a row.
WHOLE_VISIT, ONE_QUESTION = 12.0, 3.0  # seconds


class CheckOutcome(StrEnum):
    """How a step went; SKIPPED ones were not reached, or cannot be known from here."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found, and what to do about it."""

    outcome: CheckOutcome
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One thing that was looked at, and at which address."""

    name: str
    about: str
    outcome: CheckOutcome
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Every step of a check; ``headlines`` names those that sum it up when all went well."""

    steps: Sequence[CheckStep]
    headlines: Sequence[str]

    @property
    def is_well(self) -> bool:
        """Whether the connection works, warnings aside."""
        return self._failed is None

    @property
    def sentence(self) -> str:
        """The first failed step and what to do; or what answered, and how many warnings."""
        if failed := self._failed:
            said = f"{failed.about}: {failed.found}"
            return f"{said}; {failed.advice}." if failed.advice else f"{said}."
        said = "; ".join(each.found for each in self._answered)
        warnings = sum(each.outcome is CheckOutcome.WARNING for each in self.steps)
        noun = "warning" if warnings == 1 else "warnings"
        return f"{said}; {warnings} {noun}, see libra doctor." if warnings else f"{said}."

    @property
    def _answered(self) -> list[CheckStep]:
        return [
            each
            for each in self.steps
            if each.name in self.headlines
            and each.outcome in (CheckOutcome.OK, CheckOutcome.WARNING)
        ]

    @property
    def _failed(self) -> CheckStep | None:
        """The first step that failed; what was not reached in time is not well either."""
        first = {each.outcome: each for each in reversed(self.steps)}
        unreached = None if self._answered else first.get(CheckOutcome.SKIPPED)
        return first.get(CheckOutcome.FAILED) or unreached


Check: TypeAlias = Callable[[], Finding]


def ok(found: str) -> Finding:
    """All is as it should be."""
    return Finding(CheckOutcome.OK, found)


def warning(found: str, advice: str) -> Finding:
    """It works, and may surprise one day."""
    return Finding(CheckOutcome.WARNING, found, advice)


def failed(found: str, advice: str) -> Finding:
    """Nothing works before this is put right."""
    return Finding(CheckOutcome.FAILED, found, advice)


def skipped(found: str) -> Finding:
    """It was not looked at."""
    return Finding(CheckOutcome.SKIPPED, found)


def in_turn(about: str, checks: Mapping[str, Check]) -> list[CheckStep]:
    """Each of *checks* until one fails; those after it are skipped, and say why."""
    steps: list[CheckStep] = []
    stopped_by: str | None = None
    for name, check in checks.items():
        finding = skipped(f"not reached: {stopped_by!r} failed") if stopped_by else _found(check)
        if finding.outcome is CheckOutcome.FAILED:
            stopped_by = name
        steps.append(CheckStep(name, about, finding.outcome, finding.found, finding.advice))
    return steps


def _found(check: Check) -> Finding:
    try:
        return check()
    except OutOfTimeError:
        return skipped(f"not reached: the {WHOLE_VISIT:g} s for the whole check were over")


class OutOfTimeError(Exception):
    """The time for the whole check is over; inside the doctor only."""


class Probe:
    """Asks servers: each question takes at most three seconds, all of them at most twelve."""

    def __init__(self, seconds: float = WHOLE_VISIT) -> None:
        self._end = time.monotonic() + seconds
        self._names: dict[str, list[str] | OSError] = {}

    def share(self) -> float:
        """The seconds that the next question may take; raises OutOfTimeError."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise OutOfTimeError
        return min(ONE_QUESTION, left)

    def ask(self, address: ServerAddress, call: Call[T]) -> T:
        """The answer of the server at *address*; raises ServerError, OutOfTimeError."""
        if proxy_of(address.url) is None:
            try:
                self.resolve(urlsplit(address.url).hostname or "")
            except OSError as error:
                problem = f"its name does not resolve ({error})"
                raise ServerUnreachable(address.url, problem) from error
        share = self.share()
        hurried = replace(address, connect_timeout=share, read_timeout=share)
        with contextlib.closing(Transport(hurried)) as transport:
            return transport.send(call)

    def resolve(self, host: str) -> list[str]:
        """The addresses of *host*; raises OSError. A name is looked up once: it may take long."""
        if host not in self._names:
            try:
                self._names[host] = _resolved(host, self.share())
            except OSError as error:
                self._names[host] = error
        found = self._names[host]
        if isinstance(found, OSError):
            raise found
        return found


def proxy_of(url: str) -> str | None:
    """The host of the environment's proxy that stands before *url*."""
    parts = urlsplit(url)
    found = urllib.request.getproxies().get(parts.scheme)
    if not found or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urlsplit(found).hostname or "(unreadable)"


def without_secret(address: ServerAddress, url: str | None = None) -> ServerAddress:
    """*address*, or the server at *url*, asked as anybody could."""
    return replace(address, url=url or address.url, authorization=BearerToken(None))


def spoken(reply: Reply) -> Mapping[str, Any]:
    """The JSON object that *reply* holds, or an empty one: what is asked may be any server."""
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class PortProbe:
    """The way to the server at *url*: its name, and whether something listens."""

    def __init__(self, url: str, visit: Probe) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or {"https": 443}.get(parts.scheme, 80)
        self._proxy, self._visit = proxy_of(url), visit
        self._addresses: list[str] = []

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can get there; False while its name is not resolved."""
        found = [ipaddress.ip_address(each.partition("%")[0]) for each in self._addresses]
        return bool(found) and all(each.is_loopback for each in found)

    def resolves(self) -> Finding:
        """Whether the host's name leads to an address."""
        if self._proxy:
            return warning(
                f"requests go through the proxy {self._proxy} that the environment names",
                f"add {self.host} to the variable no_proxy, unless the proxy is the only way",
            )
        try:
            self._addresses = self._visit.resolve(self.host)
        except OSError as error:
            problem = f"the name {self.host} does not resolve ({error.strerror or error})"
            return failed(problem, "check the connection's host, and the DNS of this machine")
        return ok(f"{self.host} is {', '.join(self._addresses)}")

    def opens(self, refused: Callable[[], str]) -> Finding:
        """Whether the port takes a connection; *refused* says what to do if nothing listens."""
        if self._proxy:
            return skipped("the proxy opens it")
        try:
            self._connect()
        except ConnectionRefusedError:
            return failed(f"nothing listens on port {self.port}", refused())
        except TimeoutError:
            return failed(
                f"port {self.port} does not answer at all",
                "a firewall drops what is sent there, or the host is down: let this machine in",
            )
        except OSError as error:
            return failed(f"port {self.port} cannot be reached ({error})", "check host and network")
        return ok(f"port {self.port} takes connections")

    def _connect(self) -> None:
        problem: OSError = TimeoutError()
        for address in self._addresses:
            try:
                socket.create_connection((address, self.port), self._visit.share()).close()
            except OSError as error:
                problem = error
            else:
                return
        raise problem


def _resolved(host: str, seconds: float) -> list[str]:
    """The addresses of *host*; raises OSError, also where the answer takes too long."""
    found: list[str] = []
    problem: list[OSError] = []

    def resolve() -> None:
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            problem.append(error)
        except UnicodeError:
            problem.append(OSError("it is no name of a host"))
        else:
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))

    # The system's resolver has no timeout of its own that could be set from here.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found
    raise problem[0] if problem else TimeoutError(f"no answer in {seconds:.0f} s")
