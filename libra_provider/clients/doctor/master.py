"""The steps that check a connection to a Spark standalone cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from libra_provider.clients.doctor.checks import (
    CheckOutcome,
    CheckReport,
    CheckStep,
    Finding,
    PortProbe,
    Probe,
    failed,
    in_turn,
    json_body,
    ok,
    warning,
    without_secret,
)
from libra_provider.clients.doctor.cluster import Pages, advice_of
from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.problems import is_problem
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import front_page, rest
from libra_provider.clients.standalone.front_page import FrontPage
from libra_provider.core.errors import AccessDenied, ServerError, ServerUnreachable


def check_master(
    addresses: Sequence[ServerAddress],
    *,
    master_url: str,
    ui_urls: Sequence[str],
    visit: Probe | None = None,
) -> CheckReport:
    """Check the masters at REST *addresses* within twelve seconds, with read-only requests."""
    visit = visit or Probe()
    pages = Pages(addresses[0], ui_urls, visit)
    ports = [RestPort(each, visit, pages=pages, master_url=master_url) for each in addresses]
    chains = [port.steps() for port in ports]
    if any(port.is_ready for port in ports):
        chains = [[_downgraded(step) for step in chain] for chain in chains]
    steps = [step for chain in chains for step in chain]
    versions = {port.version for port in ports if port.version}
    return CheckReport([*steps, *pages.steps(versions)], headlines=("ready", "workers"))


def _downgraded(step: CheckStep) -> CheckStep:
    """A failure of one master is only a warning while another one responds."""
    if step.outcome is not CheckOutcome.FAILED:
        return step
    if step.name == "ready":
        found = "standby: another master responds"
        return replace(step, name="standby", outcome=CheckOutcome.OK, found=found, advice="")
    found = f"{step.found}; another master responds"
    return replace(step, outcome=CheckOutcome.WARNING, found=found)


_READY = Call(method="GET", path="/v1/submissions/readyz", parse=lambda reply: reply)


class RestPort:
    """One master's REST port, requested once and evaluated by several steps."""

    def __init__(
        self, address: ServerAddress, visit: Probe, *, pages: Pages, master_url: str
    ) -> None:
        self._address, self._visit, self._pages = address, visit, pages
        self._reach = PortProbe(address.url, visit)
        self._is_rpc_port = master_url.endswith(f":{self._reach.port}")
        self._reply = Reply(address.url, 0, {}, b"")
        self.version = ""
        self.is_ready = False

    def steps(self) -> list[CheckStep]:
        """Run the steps from host name to readiness."""
        return in_turn(
            self._address.url,
            {
                "host name": self._reach.resolves,
                "port": lambda: self._reach.opens(self._advice),
                "REST port": self._is_rest,
                "access": self._lets_in,
                "ready": self._is_ready,
            },
        )

    def _is_rest(self) -> Finding:
        try:
            self._reply = self._visit.ask(self._address, _READY)
        except ServerUnreachable as error:
            return self._not_http(error)
        said = json_body(self._reply)
        self.version = str(said.get("serverSparkVersion") or "")
        if str(said.get("action")).endswith("Response"):
            return ok(f"the submission protocol of Spark {self.version or '(unknown version)'}")
        if self._reply.status in (401, 403) and not is_problem(self._reply):
            return ok(f"a protected server responds (HTTP {self._reply.status})")
        return self._other_page()

    def _not_http(self, error: ServerUnreachable) -> Finding:
        if self._is_rpc_port:
            found = f"port {self._reach.port} is the port of spark:// URLs, which is not HTTP"
            return failed(found, self._advice())
        return failed(error.problem, self._advice())

    def _other_page(self) -> Finding:
        reply = self._reply
        try:
            page = self._visit.ask(without_secret(self._address), front_page.front_page())
        except ServerError:
            page = FrontPage("", None, None)
        if not page.title.startswith("Spark"):
            found = f"this is not a Spark REST port: HTTP {reply.status}, {reply.start[:80]!r}"
            return failed(found, self._advice())
        advice = advice_of(page, self._reach.port) if page.is_master else self._advice()
        return failed(f"this is a web page titled {page.title!r}", advice)

    def _advice(self) -> str:
        return self._pages.advice_on_rest(self._reach.port)

    def _lets_in(self) -> Finding:
        try:
            rest.ready().parse(self._reply)
        except AccessDenied as error:
            return failed(f"the master denied access (HTTP {error.status})", error.problem)
        except ServerError:
            pass  # reported by the next step
        if self._address.authorization() is None:
            return self._open_to_all("no secret is required")
        if self._allows_anonymous():
            return self._open_to_all("the master does not check the connection's secret")
        return ok("the connection's secret is required and valid")

    def _allows_anonymous(self) -> bool:
        try:
            reply = self._visit.ask(without_secret(self._address), _READY)
        except ServerError:
            return False
        return reply.status not in (401, 403)

    def _open_to_all(self, found: str) -> Finding:
        if self._reach.is_loopback:
            return ok(f"{found}, but only this machine can connect")
        return warning(
            f"{found}: anyone who can reach this port can run code on the cluster",
            "set spark.master.rest.filters=org.apache.spark.ui.JWSFilter and its secretKey on the "
            "master, and the connection's password to that key",
        )

    def _is_ready(self) -> Finding:
        said = json_body(self._reply)
        message = str(said.get("message") or "").split("\n")[0].rstrip(".")
        name = f"The REST port of a Spark {self.version} master responds"
        if said.get("success") is True:
            self.is_ready = True
            return ok(f"{name} and is ready")
        if message.startswith("Missing an action"):
            self.is_ready = True
            return ok(f"{name}; Spark before 4.0 does not report whether it is ready")
        return failed(
            f"the master accepts no submissions: {message or f'HTTP {self._reply.status}'}",
            "it is in standby or recovering: wait, or add the other masters to the connection",
        )
