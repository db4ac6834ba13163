"""What only the HTML of the web pages of master and workers tells: settings, versions.

The master's settings are on ``/environment/`` since Spark 4.0 (SPARK-47894), as HTML only; before,
that address answers with the front page, which holds none.
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
    """What a page in HTML says of itself; ``rest`` is the ``host:port`` of the master's REST."""

    title: str
    version: str | None
    rest: str | None

    @property
    def is_master(self) -> bool:
        """Whether a master wrote it."""
        return self.title.startswith("Spark Master at")


def front_page() -> Call[FrontPage]:
    """Whose page answers; anything that is no page of Spark has an empty title."""

    def parse(reply: Reply) -> FrontPage:
        title, version, rest = (each.search(reply.text) for each in (_TITLE, _VERSION, _REST))
        return FrontPage(
            title=html.unescape(title[1]) if title else "",
            version=version[1] if version else None,
            rest=rest[1] if rest else None,
        )

    return Call(method="GET", path="/", parse=parse, headers={"Accept": "text/html"})


def settings() -> Call[Mapping[str, str] | None]:
    """The ``spark.…`` properties that were given to the master; None where it does not show them.

    What is not among them has Spark's default.
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
