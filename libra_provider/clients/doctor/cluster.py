"""What the web pages of a cluster say about its health: leader, workers, versions, settings."""

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
_WORKER_PAGES = 3  # how many are tried; what hinders one mostly hinders all
_SHORT_MEMORY = 600.0  # seconds; a retry or a clogged triggerer may ask as late as that


def advice_of(page: FrontPage, asked: int) -> str:
    """What the master that wrote *page* says about its REST port, to one who *asked* at a port."""
    if page.rest is None:
        return "this master has no REST port: set spark.master.rest.enabled=true and restart it"
    port = page.rest.rpartition(":")[2]
    if port == str(asked):
        return f"the master says that it is right ({page.rest}): it starts just now, or is shielded"
    return f"set rest_port to {port}, which this master says is its own"


@dataclass(frozen=True, slots=True)
class _Leader:
    """The master that leads, as its page tells."""

    url: str
    page: Cluster
    settings: Mapping[str, str] | None


class Pages:
    """The web pages of the masters and workers: what they tell of the cluster."""

    def __init__(self, like: ServerAddress, urls: Sequence[str], visit: Probe) -> None:
        self._addresses = [without_secret(like, url) for url in urls]
        self._visit = visit
        self._leader: _Leader | None = None

    def advice_on_rest(self, asked: int) -> str:
        """What the masters say about the REST port, to one who *asked* at another."""
        for address in self._addresses:
            try:
                page = self._visit.ask(address, front_page.front_page())
            except ServerError:
                continue
            except OutOfTimeError:
                break
            if page.is_master:
                return advice_of(page, asked)
        return "set rest_port to spark.master.rest.port (6066), and see that the master runs"

    def steps(self, versions: set[str]) -> list[CheckStep]:
        """From the page to the settings; *versions* are those that the masters' REST ports say.

        Without a page most cannot be known, and jobs run all the same.
        """
        about = ", ".join(each.url for each in self._addresses)
        first = in_turn(about, {"web page": self._finds_the_leader})
        if self._leader is None:
            return [*first, *in_turn(about, {"version": lambda: _version(versions, [])})]
        leader = self._leader
        room: dict[str, Callable[[], Finding]] = {
            "leads": lambda: _leads(leader.page),
            "workers": lambda: _workers(leader.page),
            "worker pages": lambda: self._worker_pages(leader),
        }
        facts: dict[str, Callable[[], Finding]] = {
            "version": lambda: _version(versions, self._worker_versions(leader)),
            "memory of drivers": lambda: _memory(leader),
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
            return ok("it answers")
        advice = "set ui_urls to the masters' web pages (port 8080), and let this machine in"
        lost = "" if self._leader else "; no logs, no reasons for waiting, no facts below"
        return warning("; ".join(problems) + lost, advice)

    def _settings(self, address: ServerAddress) -> Mapping[str, str] | None:
        try:
            return self._visit.ask(address, front_page.settings())
        except ServerError:
            return None

    def _worker_pages(self, leader: _Leader) -> Finding:
        workers = leader.page.alive[:_WORKER_PAGES]
        if not workers:
            return skipped("there is no worker to ask")
        behind = f"{leader.url}/proxy/"
        direct = [each for each in workers if self._is_page_of(each.worker_id, each.ui_url)]
        if len(direct) == len(workers):
            return ok(f"{_count(len(workers), 'page')} tried, all answer: logs can be followed")
        if all(self._is_page_of(each.worker_id, behind + each.worker_id) for each in workers):
            return ok("they answer through the master (spark.ui.reverseProxy)")
        lost = next(each for each in workers if each not in direct)
        return warning(
            f"the page of {lost.worker_id} at {lost.ui_url} cannot be read: no logs from there",
            "let this machine in, or set spark.ui.reverseProxy=true on master and workers",
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


def _leads(page: Cluster) -> Finding:
    if page.status == "ALIVE":
        return ok("this master leads (ALIVE)")
    advice = "wait, and if it stays so, name the other masters in the connection too (host: m1,m2)"
    return failed(f"this master is {page.status}", advice)


def _workers(page: Cluster) -> Finding:
    alive = page.alive
    if not alive:
        return failed(
            f"none of {len(page.workers)} workers is alive: every job would wait",
            "start workers with the spark:// URL that the master's page shows",
        )
    roomiest = max(alive, key=lambda each: (each.cores_free, each.memory_free_mib))
    cores = sum(each.cores_free for each in alive)
    free = readable_size(sum(each.memory_free_mib for each in alive) * MIB)
    room = readable_size(roomiest.memory_free_mib * MIB)
    found = f"{_count(len(alive), 'worker')} alive with {cores} cores and {free} free"
    if len(alive) > 1:
        found += f", the roomiest with {roomiest.cores_free} cores and {room}"
    if dead := len(page.workers) - len(alive):
        found += f"; {dead} not alive"
    if not cores:
        return warning(f"{found}: a new driver waits", "wait, or stop what holds the cores")
    return ok(found)


def _version(masters: set[str], workers: Sequence[str]) -> Finding:
    if not masters:
        return skipped("no master says its version")
    found = f"Spark {', '.join(sorted(masters))}"
    if odd := sorted(set(workers) - masters):
        advice = "run one version everywhere: Spark's own messages do not fit between versions"
        return warning(f"{found} on the master and {', '.join(odd)} on a worker", advice)
    if len(masters) > 1:
        return warning(f"the masters run {found}", "run the same version on all of them")
    release = _release(masters.pop())
    if not _release(TESTED[0]) <= release <= _release(TESTED[1]):
        advice = "see docs/spark-versions.md for what to expect"
        return warning(f"{found} is outside of the tested {' to '.join(TESTED)}", advice)
    return ok(f"{found}, as on the workers" if workers else found)


def _release(version: str) -> tuple[int, ...]:
    """4.3.0-SNAPSHOT → (4, 3)."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _memory(leader: _Leader) -> Finding:
    """Beyond retainedDrivers an ended driver is forgotten, whatever came of it."""
    if leader.settings is None:
        return skipped("this master does not show its settings; Spark 4.0 and newer do")
    given = leader.settings.get("spark.deploy.retainedDrivers", "200")
    starts = [each.submitted for each in leader.page.ended_drivers]
    found = f"it keeps {given} ended drivers, {len(starts)} now"
    span = time.time() - min(starts, default=0.0)
    if given.isdigit() and len(starts) >= int(given) and span < _SHORT_MEMORY:
        return warning(
            f"{found}; the oldest began {readable_duration(max(span, 0))} ago: outcomes get lost",
            "raise spark.deploy.retainedDrivers on the master",
        )
    return ok(found)


def _max_drivers(settings: Mapping[str, str]) -> Finding:
    if given := settings.get("spark.deploy.maxDrivers"):
        return ok(f"at most {given} drivers at a time (spark.deploy.maxDrivers)")
    return warning(
        "any number of drivers may run: they can hold all cores and wait for each other",
        "set spark.deploy.maxDrivers on the master, and spark.cores.max in jobs",
    )


def _recovery(settings: Mapping[str, str]) -> Finding:
    mode = settings.get("spark.deploy.recoveryMode", "NONE")
    if mode.upper() != "NONE":
        return ok(f"a restarted master remembers its drivers (recoveryMode={mode})")
    return warning(
        "a restarted master forgets its drivers, and their processes run on unwatched",
        "set spark.deploy.recoveryMode to FILESYSTEM or ZOOKEEPER",
    )


def _resources(settings: Mapping[str, str]) -> Finding:
    patterns = settings.get("spark.master.rest.allowedAppResourcePatterns", "")
    if not patterns.strip():
        return ok("any application file may be submitted")
    return warning(
        f"only application files that fit {patterns} may be submitted",
        "let the list fit the files of your jobs, or those are refused (HTTP 400)",
    )


_SETTINGS: Mapping[str, Callable[[Mapping[str, str]], Finding]] = {
    "number of drivers": _max_drivers,
    "recovery": _recovery,
    "application files": _resources,
}


def _reader(rule: Callable[[Mapping[str, str]], Finding], leader: _Leader) -> Callable[[], Finding]:
    settings = leader.settings
    if settings is None:
        return lambda: skipped("this master does not show its settings; Spark 4.0 and newer do")
    return lambda: rule(settings)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
