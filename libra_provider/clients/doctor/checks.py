"""The parts of a connection check: steps in order, a time limit, and a report."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTiming:
    """How long a check may take; all durations are seconds."""

    total: float = 12.0
    """Airflow's connection page waits for the whole check, so it must not take long."""
    request: float = 3.0
    """For one request: several may fail within the total."""


DEFAULT = CheckTiming()


class CheckOutcome(StrEnum):
    """The outcome of a step; SKIPPED means not reached, or not possible to find out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a step, and what to do about it."""

    outcome: CheckOutcome
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of a check, and the address it is about."""

    name: str
    about: str
    outcome: CheckOutcome
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All steps of a check; ``headlines`` names those that summarize a successful one."""

    steps: Sequence[CheckStep]
    headlines: Sequence[str]

    @property
    def is_well(self) -> bool:
        """Whether the connection works; warnings do not count."""
        return self._failed is None

    @property
    def sentence(self) -> str:
        """The first failed step with advice, or a summary with the number of warnings."""
        if failed := self._failed:
            problem = f"{failed.about}: {failed.found}"
            return f"{problem}; {failed.advice}." if failed.advice else f"{problem}."
        summary = "; ".join(each.found for each in self._answered)
        warnings = sum(each.outcome is CheckOutcome.WARNING for each in self.steps)
        noun = "warning" if warnings == 1 else "warnings"
        return f"{summary}; {warnings} {noun}, see libra doctor." if warnings else f"{summary}."

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
        """The first failed step; if no headline step succeeded, also a skipped one."""
        first = {each.outcome: each for each in reversed(self.steps)}
        unreached = None if self._answered else first.get(CheckOutcome.SKIPPED)
        return first.get(CheckOutcome.FAILED) or unreached


Check: TypeAlias = Callable[[], Finding]


def ok(found: str) -> Finding:
    """The step succeeded."""
    return Finding(CheckOutcome.OK, found)


def warning(found: str, advice: str) -> Finding:
    """The step succeeded, but there is a risk."""
    return Finding(CheckOutcome.WARNING, found, advice)


def failed(found: str, advice: str) -> Finding:
    """The connection does not work until this is fixed."""
    return Finding(CheckOutcome.FAILED, found, advice)


def skipped(found: str) -> Finding:
    """The step was not run."""
    return Finding(CheckOutcome.SKIPPED, found)


def in_turn(about: str, checks: Mapping[str, Check]) -> list[CheckStep]:
    """Run *checks* in order until one fails; the rest are skipped with the reason."""
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
    except OutOfTimeError as error:
        return skipped(f"not reached: {error}")


class OutOfTimeError(Exception):
    """The check timed out; never leaves this package."""


class Probe:
    """Sends requests to servers, within the time for each and for all together."""

    def __init__(self, timing: CheckTiming = DEFAULT) -> None:
        self._timing = timing
        self._end = time.monotonic() + timing.total
        self._names: dict[str, list[str] | OSError] = {}

    def share(self) -> float:
        """The timeout of the next request in seconds; raises OutOfTimeError."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise OutOfTimeError(f"the check timed out after {self._timing.total:g} s")
        return min(self._timing.request, left)

    def ask(self, address: ServerAddress, call: Call[T]) -> T:
        """Send *call* to *address*; raises ServerError, OutOfTimeError."""
        if proxy_of(address.url) is None:
            try:
                self.resolve(urlsplit(address.url).hostname or "")
            except OSError as error:
                problem = f"cannot resolve the host name ({error})"
                raise ServerUnreachable(address.url, problem) from error
        share = self.share()
        hurried = replace(address, connect_timeout=share, read_timeout=share)
        with contextlib.closing(Transport(hurried)) as transport:
            return transport.send(call)

    def resolve(self, host: str) -> list[str]:
        """The addresses of *host*, looked up once because it may be slow; raises OSError."""
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
    """The host of the proxy that the environment sets for *url*, or None."""
    parts = urlsplit(url)
    found = urllib.request.getproxies().get(parts.scheme)
    if not found or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urlsplit(found).hostname or "(unreadable)"


def without_secret(address: ServerAddress, url: str | None = None) -> ServerAddress:
    """*address* without credentials, and with *url* if one is given."""
    return replace(address, url=url or address.url, authorization=BearerToken(None))


def json_body(reply: Reply) -> Mapping[str, Any]:
    """The JSON object in *reply*, or an empty one: the server may be any kind of server."""
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class PortProbe:
    """Checks the host name and port of the server at *url*."""

    def __init__(self, url: str, visit: Probe) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or {"https": 443}.get(parts.scheme, 80)
        self._proxy, self._visit = proxy_of(url), visit
        self._addresses: list[str] = []

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server; False until its name is resolved."""
        found = [ipaddress.ip_address(each.partition("%")[0]) for each in self._addresses]
        return bool(found) and all(each.is_loopback for each in found)

    def resolves(self) -> Finding:
        """Check that the host name resolves."""
        if self._proxy:
            return warning(
                f"requests go through the proxy {self._proxy} set in the environment",
                f"add {self.host} to the variable no_proxy, unless the proxy is required",
            )
        try:
            self._addresses = self._visit.resolve(self.host)
        except OSError as error:
            problem = f"cannot resolve the host name {self.host} ({error.strerror or error})"
            return failed(
                problem, "check the host of the connection and the DNS settings of this machine"
            )
        return ok(f"{self.host} resolves to {', '.join(self._addresses)}")

    def opens(self, refused: Callable[[], str]) -> Finding:
        """Check that the port accepts connections; *refused* returns advice if nothing listens."""
        if self._proxy:
            return skipped("connected by the proxy")
        try:
            self._connect()
        except ConnectionRefusedError:
            return failed(f"nothing listens on port {self.port}", refused())
        except TimeoutError:
            return failed(
                f"connecting to port {self.port} timed out",
                "check that the host is up and that no firewall blocks this machine",
            )
        except OSError as error:
            return failed(f"cannot reach port {self.port} ({error})", "check host and network")
        return ok(f"port {self.port} accepts connections")

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
    """The addresses of *host*; raises OSError, also on a timeout."""
    found: list[str] = []
    problem: list[OSError] = []

    def resolve() -> None:
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            problem.append(error)
        except UnicodeError:
            problem.append(OSError("not a valid host name"))
        else:
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))

    # getaddrinfo has no timeout, so it runs in a thread that is abandoned when late.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found
    raise problem[0] if problem else TimeoutError(f"no response within {seconds:.0f} s")
