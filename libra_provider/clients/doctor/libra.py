"""The steps that check a connection to Libra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libra_provider.clients.doctor.checks import (
    CheckReport,
    Finding,
    PortProbe,
    Probe,
    failed,
    in_turn,
    json_body,
    ok,
    skipped,
    warning,
    without_secret,
)
from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import front_page
from libra_provider.core.errors import ServerError

_HEALTH = Call(method="GET", path="/api/v1/health", parse=lambda reply: reply)
_QUEUE_SHOWN = 1000  # Libra's largest page


def check_libra(address: ServerAddress) -> CheckReport:
    """Check the Libra at *address* within twelve seconds, with read-only requests."""
    visit = Probe()
    reach, health = PortProbe(address.url, visit), _HealthPage(address, visit)
    checks = {
        "host name": reach.resolves,
        "port": lambda: reach.opens(lambda: "start Libra (libra serve), or correct host and port"),
        "Libra": health.is_libra,
        "access": lambda: health.lets_in(is_loopback=reach.is_loopback),
        "driver": health.has_a_driver,
        "Spark": health.reaches_spark,
        "version": health.version,
        "driver number": health.driver_number,
        "queue": health.queue,
    }
    return CheckReport(in_turn(address.url, checks), headlines=("driver",))


class _HealthPage:
    """Libra's health page, fetched once and evaluated by several steps."""

    def __init__(self, address: ServerAddress, visit: Probe) -> None:
        self._address, self._visit = address, visit
        self._reply = Reply(address.url, 0, {}, b"")
        self._body: Mapping[str, Any] = {}
        self._spark: Mapping[str, Any] = {}

    def is_libra(self) -> Finding:
        try:
            self._reply = self._visit.ask(self._address, _HEALTH)
        except ServerError as error:
            return failed(error.problem, "correct host, port and schema (http or https)")
        self._body = json_body(self._reply)
        spark = self._body.get("spark")
        self._spark = spark if isinstance(spark, dict) else {}
        if self._spark and "service" in self._body:
            return ok("Libra responds")
        if self._reply.status in (401, 403) and "detail" in self._body:
            return ok("Libra, or another server that requires a token, responds")
        return failed(self._describe_other(), "set the port to Libra's (8990 by default)")

    def _describe_other(self) -> str:
        """What kind of server this is instead, as far as it can be recognized."""
        action = str(self._body.get("action") or "")
        if action.endswith("Response"):
            return "this is the REST port of a Spark master, not Libra"
        try:
            title = self._visit.ask(self._address, front_page.front_page()).title
        except ServerError:
            title = ""
        if title:
            return f"this is not Libra but a web page titled {title!r}"
        return f"this is not Libra: HTTP {self._reply.status}, {self._reply.start[:80]!r}"

    def lets_in(self, *, is_loopback: bool) -> Finding:
        if self._reply.status in (401, 403):
            found = f"Libra denied access (HTTP {self._reply.status})"
            return failed(found, "set the password to Libra's token (LIBRA_TOKEN of the server)")
        if self._address.authorization() is not None and not self._allows_anonymous():
            return ok("the connection's token is required and valid")
        if is_loopback:
            return ok("no token is required, but only this machine can connect")
        found = "no token is required: anyone who can reach this port can run statements"
        return warning(
            found, "set LIBRA_TOKEN on the server and the same password in the connection"
        )

    def _allows_anonymous(self) -> bool:
        try:
            reply = self._visit.ask(without_secret(self._address), _HEALTH)
        except ServerError:
            return False
        return reply.status not in (401, 403)

    def has_a_driver(self) -> Finding:
        if problem := self._spark.get("error"):
            return failed(
                f"Libra responds, but its Spark driver is down: {problem}",
                "Libra retries automatically; see its log and the Spark master for the cause",
            )
        return ok(
            f"Libra (Spark {self._spark.get('version')}, {self._spark.get('master')}) responds"
        )

    def reaches_spark(self) -> Finding:
        status = self._spark.get("status")
        found = f"the driver is application {self._spark.get('applicationId')} ({status})"
        if status == "CONNECTED":
            return ok(found)
        return warning(found, "see Libra's log")

    def version(self) -> Finding:
        if version := self._body.get("version"):
            return ok(f"{self._body['service']} {version}")
        found = f"{self._body['service']} reports no version: it is an old Libra"
        return warning(
            found, "a request blocks until its statement ends, and cannot be resumed; upgrade Libra"
        )

    def driver_number(self) -> Finding:
        epoch = self._body.get("epoch")
        if epoch is None:
            return skipped("not reported by this Libra")
        return ok(f"this is driver number {epoch} since the ledger was created")

    def queue(self) -> Finding:
        counts = {state: self._count(state) for state in ("RUNNING", "PENDING")}
        if None in counts.values():
            return skipped("not reported by this Libra")
        running, waiting = (_or_more(each) for each in counts.values())
        return ok(f"{running} statements running, {waiting} waiting")

    def _count(self, state: str) -> int | None:
        def parse(reply: Reply) -> int | None:
            found = json_body(reply).get("statements")
            return len(found) if isinstance(found, list) else None

        query = {"state": state, "limit": str(_QUEUE_SHOWN)}
        call = Call(method="GET", path="/api/v1/statements", parse=parse, query=query)
        try:
            return self._visit.ask(self._address, call)
        except ServerError:
            return None


def _or_more(count: int | None) -> str:
    return f"{count} or more" if count == _QUEUE_SHOWN else str(count)
