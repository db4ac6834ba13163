"""Web pages in HTML as Spark writes them, cut down to what a client could look at."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.server import Answer, Request


def front_page(title: str, *, version: str = "4.3.0", rest: str | None = None) -> Answer:
    """The page at ``/``; a master with a REST port names it."""
    line = f"<li><strong>REST URL:</strong> spark://{rest}\n <span>(cluster mode)</span></li>"
    head = f'<html><head><title>{title}</title></head><span class="version me-3">{version}</span>'
    return Answer(body=f"{head}<ul>{line if rest else ''}</ul></html>")


def environment_page(settings: Mapping[str, str]) -> Answer:
    """The page at ``/environment/``, between whose tables only headings stand."""
    rows = "".join(f"<tr><td>{key}</td><td>{text}</td></tr>" for key, text in settings.items())
    other = "<tr><td>spark.deploy.maxDrivers</td><td>of another table</td></tr>"
    return Answer(
        body=f"<h4><a>Runtime Information</a></h4>{other}"
        f"<h4><a>Spark Properties</a></h4><table><tbody>{rows}</tbody></table>"
        f"<h4><a>Hadoop Properties</a></h4>{other}"
    )


def as_spark_3_5(request: Request) -> Answer | None:
    """What Spark 3.5 answers where it differs: no readyz, no settings, no single JSON fields."""
    if request.path.startswith("/v1/submissions/readyz"):
        said = (
            "Missing an action: please specify one of /create, /kill, or /status. Please submit "
            "requests through http://[host]:[port]/v1/submissions/..."
        )
        body = {"action": "ErrorResponse", "message": said, "serverSparkVersion": "3.5.7"}
        return Answer(400, body)
    if request.path.startswith("/environment"):
        return front_page("Spark Master at spark://127.0.0.1:7077", version="3.5.7")
    return None
