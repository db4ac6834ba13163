"""Settings and versions, which only the HTML pages of master and workers contain.

Since Spark 4.0 (SPARK-47894), ``/environment/`` has the master's settings, as HTML only; older
masters return their front page there, which has none.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from libra_provider.clients.http.call import Call, Reply

_TITLE = re.compile(r"<title>\s*(.*?)\s*</title>", re.DOTALL)
_VERSION = re.compile(r'class="version[^"]*"[^>]*>\s*([\w.-]+)')
_REST = re.compile(r"REST URL:\s*</strong>\s*spark://([^\s<]+)")
_ROW = re.compile(r"<tr[^>]*>\s*<td[^>]*>([^<]*)</td>\s*<td[^>]*>([^<]*)</td>")
_SPARK_TABLE = re.compile(r"<a>Spark Properties</a>(.*?)<h4>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrontPage:
    """A front page; ``rest`` is the ``host:port`` of the master's REST port, None if not shown."""

    title: str
    version: str | None
    rest: str | None

    @property
    def is_master(self) -> bool:
        """Return whether it is the page of a master."""
        return self.title.startswith("Spark Master at")


def front_page() -> Call[FrontPage]:
    """Return the front page; it has an empty title if it is not a page of Spark."""

    def parse(reply: Reply) -> FrontPage:
        title, version, rest = (each.search(reply.text) for each in (_TITLE, _VERSION, _REST))
        return FrontPage(
            title=html.unescape(title[1]) if title else "",
            version=version[1] if version else None,
            rest=rest[1] if rest else None,
        )

    return Call(method="GET", path="/", parse=parse, headers={"Accept": "text/html"})


def settings() -> Call[Mapping[str, str] | None]:
    """Return the ``spark.…`` properties of the master, or None if it does not show them.

    Properties that are missing have Spark's defaults.
    """

    def parse(reply: Reply) -> Mapping[str, str] | None:
        table = _SPARK_TABLE.search(_answered(reply).text)
        if table is None:
            return None
        return {html.unescape(key): html.unescape(text) for key, text in _ROW.findall(table[1])}

    return Call(method="GET", path="/environment/", parse=parse, headers={"Accept": "text/html"})


def _answered(reply: Reply) -> Reply:
    if reply.status >= 500:
        raise reply.no_answer()
    if reply.status != 200:
        raise reply.not_as_expected("this is not a web page of Spark")
    return reply
