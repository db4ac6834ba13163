"""Calls for Libra's health, its sessions, and estimates of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import checked

_SESSIONS = "/api/v1/sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Libra's health; ``error`` is the reason if Spark is down, otherwise None.

    ``version`` is None if the server supports only the old API. ``round_trip`` (seconds) and
    ``bandwidth`` (bits per second) are those between its driver and the cluster, or None if Libra
    has not measured them.
    """

    server: str
    service: str
    version: str | None
    spark_version: str | None
    master: str | None
    application_id: str | None
    error: str | None
    round_trip: float | None = None
    bandwidth: float | None = None

    @property
    def is_up(self) -> bool:
        """Return whether the driver is up."""
        return self.error is None

    @property
    def is_old(self) -> bool:
        """Return whether it supports only the old API: blocking calls, and no ledger."""
        return self.version is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A named session on Libra, with temporary views and SQL settings."""

    name: str
    state: str
    application_id: str | None
    created_at: str | None
    last_activity: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Spark's estimate of a query's result; ``rows`` and ``bytes`` are None if unknown.

    ``guessed``: a table has no statistics, so the numbers are unreliable.
    """

    bytes: int | None
    rows: int | None
    guessed: bool


def health() -> Call[Health]:
    """Return the health of Libra and its Spark."""

    def parse(reply: Reply) -> Health:
        body = checked(reply).json_object()
        spark = body.get("spark")
        if not isinstance(spark, dict) or "service" not in body:
            raise reply.not_as_expected("this is not Libra's health page; check the port")
        network = body.get("network")
        return Health(
            server=reply.server,
            service=str(body["service"]),
            version=body.get("version"),
            spark_version=spark.get("version"),
            master=spark.get("master"),
            application_id=spark.get("applicationId"),
            error=spark.get("error"),
            round_trip=_measure(network, "roundTripSeconds"),
            bandwidth=_measure(network, "bandwidthBits"),
        )

    return Call(method="GET", path="/api/v1/health", parse=parse)


def sessions() -> Call[list[Session]]:
    """Return the open sessions."""

    def parse(reply: Reply) -> list[Session]:
        return [_session(each, reply) for each in checked(reply).json_list()]

    return Call(method="GET", path=_SESSIONS, parse=parse)


def close_session(name: str) -> Call[None]:
    """Close session *name* and drop its temporary views and settings. Raises Rejected."""

    def parse(reply: Reply) -> None:
        if checked(reply).status != 204:
            raise reply.not_as_expected("an empty answer (204) was expected")

    path = f"{_SESSIONS}/{quote(name, safe='')}"
    return Call(method="DELETE", path=path, parse=parse)


def estimate(
    sql: str,
    *,
    parameters: Mapping[str, Any] | Sequence[Any] | None = None,
    session: str | None = None,
) -> Call[Estimate]:
    """Return Spark's estimate of the result of query *sql*, without running it. Raises Rejected."""

    def parse(reply: Reply) -> Estimate:
        body = checked(reply).json_object()
        counts = {name: body.get(name) for name in ("bytes", "rows")}
        if "guessed" not in body or not all(_is_count(each) for each in counts.values()):
            raise reply.not_as_expected("an estimate was expected")
        return Estimate(**counts, guessed=bool(body["guessed"]))

    body = {"session": session, "code": sql, "parameters": parameters}
    return Call(
        method="POST",
        path="/api/v1/statements/estimate",
        parse=parse,
        json={name: value for name, value in body.items() if value is not None},
        idempotent=True,
    )


def _session(body: object, reply: Reply) -> Session:
    if not isinstance(body, dict) or not isinstance(body.get("sessionId"), str):
        raise reply.not_as_expected("a list of sessions was expected")
    return Session(
        name=body["sessionId"],
        state=str(body.get("state") or ""),
        application_id=body.get("appId"),
        created_at=body.get("createdAt"),
        last_activity=body.get("lastActivity"),
    )


def _measure(network: object, name: str) -> float | None:
    value = network.get(name) if isinstance(network, dict) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value is not None and value > 0 else None


def _is_count(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
