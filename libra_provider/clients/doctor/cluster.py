"""Checks a cluster by its web pages: leader, workers, versions, settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from libra_provider.clients.doctor.checks import (
    CheckStep,
    Finding,
    OutOfTimeError,
    Probe,
    failed,
    in_turn,
    ok,
    skipped,
    warning,
    without_secret,
)
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import front_page, pages
from libra_provider.clients.standalone.front_page import FrontPage
from libra_provider.clients.standalone.pages import Cluster
from libra_provider.core.errors import ServerError
from libra_provider.core.units import MIB, readable_duration, readable_size

TESTED = "4.0", "4.3"  # the oldest and the newest Spark that the tests run
_WORKER_PAGES = 3  # a sample; a network problem usually affects all pages
_SHORT_MEMORY = 600.0  # seconds; a retry or a slow triggerer may poll this late


def advice_of(page: FrontPage, asked: int) -> str:
    """Advice from the master's *page* about its REST port; *asked* is the port that was tried."""
    if page.rest is None:
        return "this master has no REST port: set spark.master.rest.enabled=true and restart it"
    port = page.rest.rpartition(":")[2]
    if port == str(asked):
        return (
            f"the master reports this port ({page.rest}): it is starting, or blocked by a firewall"
        )
    return f"set rest_port to {port}, the REST port of this master"


@dataclass(frozen=True, slots=True)
class _Leader:
    """The leading master according to its page."""

    url: str
    page: Cluster
    settings: Mapping[str, str] | None


class Pages:
    """Fetches and evaluates the web pages of masters and workers."""

    def __init__(self, like: ServerAddress, urls: Sequence[str], visit: Probe) -> None:
        self._addresses = [without_secret(like, url) for url in urls]
        self._visit = visit
        self._leader: _Leader | None = None

    def advice_on_rest(self, asked: int) -> str:
        """Advice from the masters' pages; *asked* is the REST port that was tried."""
        for address in self._addresses:
            try:
                page = self._visit.ask(address, front_page.front_page())
            except ServerError:
                continue
            except OutOfTimeError:
                break
            if page.is_master:
                return advice_of(page, asked)
        return (
            "set rest_port to spark.master.rest.port (6066), and check that the master is running"
        )

    def steps(self, versions: set[str]) -> list[CheckStep]:
        """Run the steps from web page to settings; *versions* come from the REST ports.

        Without a web page most steps are impossible, but jobs still run.
        """
        about = ", ".join(each.url for each in self._addresses)
        first = in_turn(about, {"web page": self._finds_the_leader})
        if self._leader is None:
            return [*first, *in_turn(about, {"version": lambda: _version(versions, [])})]
        leader = self._leader
        room: dict[str, Callable[[], Finding]] = {
            "leader": lambda: _is_leader(leader.page),
            "workers": lambda: _workers(leader.page),
            "worker pages": lambda: self._worker_pages(leader),
        }
        facts: dict[str, Callable[[], Finding]] = {
            "version": lambda: _version(versions, self._worker_versions(leader)),
            "retained drivers": lambda: _memory(leader),
            **{name: _reader(rule, leader) for name, rule in _SETTINGS.items()},
        }
        return [*first, *in_turn(leader.url, room), *in_turn(leader.url, facts)]

    def _finds_the_leader(self) -> Finding:
        problems = []
        for address in self._addresses:
            try:
                found = self._visit.ask(address, pages.cluster())
            except ServerError as error:
                problems.append(str(error))
                continue
            if self._leader is None or found.status == "ALIVE":
                self._leader = _Leader(address.url, found, self._settings(address))
        if not problems:
            return ok("it responds")
        advice = (
            "set ui_urls to the masters' web UIs (port 8080), and allow access from this machine"
        )
        lost = (
            ""
            if self._leader
            else "; logs, the reasons for waiting and the checks below are unavailable"
        )
        return warning("; ".join(problems) + lost, advice)

    def _settings(self, address: ServerAddress) -> Mapping[str, str] | None:
        try:
            return self._visit.ask(address, front_page.settings())
        except ServerError:
            return None

    def _worker_pages(self, leader: _Leader) -> Finding:
        workers = leader.page.alive[:_WORKER_PAGES]
        if not workers:
            return skipped("there are no workers")
        behind = f"{leader.url}/proxy/"
        direct = [each for each in workers if self._is_page_of(each.worker_id, each.ui_url)]
        if len(direct) == len(workers):
            return ok(f"{_count(len(workers), 'page')} checked, all respond: logs are available")
        if all(self._is_page_of(each.worker_id, behind + each.worker_id) for each in workers):
            return ok("they respond through the master (spark.ui.reverseProxy)")
        lost = next(each for each in workers if each not in direct)
        return warning(
            f"cannot read the page of {lost.worker_id} at {lost.ui_url}: its logs are unavailable",
            "allow access from this machine, or set spark.ui.reverseProxy=true on all nodes",
        )

    def _is_page_of(self, worker_id: str, url: str) -> bool:
        address = without_secret(self._addresses[0], url)
        try:
            return self._visit.ask(address, pages.worker_page()) == worker_id
        except ServerError:
            return False

    def _worker_versions(self, leader: _Leader) -> list[str]:
        found = []
        for worker in leader.page.alive[:1]:
            for url in (worker.ui_url, f"{leader.url}/proxy/{worker.worker_id}"):
                address = without_secret(self._addresses[0], url)
                try:
                    page = self._visit.ask(address, front_page.front_page())
                except ServerError:
                    continue
                if page.version and page.title.startswith("Spark Worker"):
                    found.append(page.version)
                    break
        return found


def _is_leader(page: Cluster) -> Finding:
    if page.status == "ALIVE":
        return ok("this master is the leader (ALIVE)")
    advice = "wait; if this persists, add the other masters to the connection (host: m1,m2)"
    return failed(f"this master is {page.status}", advice)


def _workers(page: Cluster) -> Finding:
    alive = page.alive
    if not alive:
        return failed(
            f"none of {_count(len(page.workers), 'worker')} is alive: every job would wait",
            "start workers with the spark:// URL on the master's web UI",
        )
    roomiest = max(alive, key=lambda each: (each.cores_free, each.memory_free_mib))
    cores = sum(each.cores_free for each in alive)
    free = readable_size(sum(each.memory_free_mib for each in alive) * MIB)
    room = readable_size(roomiest.memory_free_mib * MIB)
    found = f"{_count(len(alive), 'worker')} alive with {_count(cores, 'core')} and {free} free"
    if len(alive) > 1:
        found += f", at most {_count(roomiest.cores_free, 'core')} and {room} on one worker"
    if dead := len(page.workers) - len(alive):
        found += f"; {dead} not alive"
    if not cores:
        return warning(
            f"{found}: a new driver will wait", "wait, or stop the jobs that hold the cores"
        )
    return ok(found)


def _version(masters: set[str], workers: Sequence[str]) -> Finding:
    if not masters:
        return skipped("no master reports its version")
    found = f"Spark {', '.join(sorted(masters))}"
    if odd := sorted(set(workers) - masters):
        advice = "run one version everywhere: Spark versions are not compatible with each other"
        return warning(f"{found} on the master and {', '.join(odd)} on a worker", advice)
    if len(masters) > 1:
        return warning(f"the masters run {found}", "run the same version on all of them")
    release = _release(masters.pop())
    if not _release(TESTED[0]) <= release <= _release(TESTED[1]):
        advice = "see docs/spark-versions.md for what to expect"
        return warning(f"{found} is outside the tested range {' to '.join(TESTED)}", advice)
    return ok(f"{found}, as on the workers" if workers else found)


def _release(version: str) -> tuple[int, ...]:
    """4.3.0-SNAPSHOT → (4, 3)."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _memory(leader: _Leader) -> Finding:
    """Check spark.deploy.retainedDrivers: the master forgets older drivers."""
    if leader.settings is None:
        return skipped("this master does not expose its settings; Spark 4.0 and newer do")
    given = leader.settings.get("spark.deploy.retainedDrivers", "200")
    starts = [each.submitted for each in leader.page.ended_drivers]
    found = f"the master retains {given} ended drivers, currently {len(starts)}"
    span = time.time() - min(starts, default=0.0)
    if given.isdigit() and len(starts) >= int(given) and span < _SHORT_MEMORY:
        return warning(
            f"{found}; the oldest started {readable_duration(max(span, 0))} ago: outcomes get lost",
            "raise spark.deploy.retainedDrivers on the master",
        )
    return ok(found)


def _max_drivers(settings: Mapping[str, str]) -> Finding:
    if given := settings.get("spark.deploy.maxDrivers"):
        return ok(f"at most {given} drivers at a time (spark.deploy.maxDrivers)")
    return warning(
        "the number of drivers is unlimited: they can hold all cores and wait for each other",
        "set spark.deploy.maxDrivers on the master, and spark.cores.max in jobs",
    )


def _recovery(settings: Mapping[str, str]) -> Finding:
    mode = settings.get("spark.deploy.recoveryMode", "NONE")
    if mode.upper() != "NONE":
        return ok(f"a restarted master recovers its drivers (recoveryMode={mode})")
    return warning(
        "a restarted master forgets its drivers, and their processes keep running unmanaged",
        "set spark.deploy.recoveryMode to FILESYSTEM or ZOOKEEPER",
    )


def _resources(settings: Mapping[str, str]) -> Finding:
    patterns = settings.get("spark.master.rest.allowedAppResourcePatterns", "")
    if not patterns.strip():
        return ok("any application file may be submitted")
    return warning(
        f"only application files that match {patterns} may be submitted",
        "make the patterns match your jobs' files, or those are rejected (HTTP 400)",
    )


_SETTINGS: Mapping[str, Callable[[Mapping[str, str]], Finding]] = {
    "number of drivers": _max_drivers,
    "recovery": _recovery,
    "application files": _resources,
}


def _reader(rule: Callable[[Mapping[str, str]], Finding], leader: _Leader) -> Callable[[], Finding]:
    settings = leader.settings
    if settings is None:
        return lambda: skipped("this master does not expose its settings; Spark 4.0 and newer do")
    return lambda: rule(settings)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
