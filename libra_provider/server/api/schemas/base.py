"""The base of all request and response bodies, and the body of an error."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from libra_provider.server.model.sessions import NAME_PATTERN, checked_name

# pydantic would write Z, which datetime.fromisoformat only reads since Python 3.11.
Moment = Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str)]

SessionName = Annotated[
    str, AfterValidator(checked_name), Field(json_schema_extra={"pattern": f"^{NAME_PATTERN}$"})
]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected text without NUL characters")
    return text


Plain = Annotated[str, AfterValidator(_without_nul)]


class WireModel(BaseModel):
    """A body with camelCase names on the wire and snake_case ones in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )

    def to_json(self) -> str:
        """Return the body as JSON."""
        return self.model_dump_json(by_alias=True)


class Problem(WireModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    """What happened, to which id, and what to do next."""
    job_id: str | None = None
    """The statement that it concerns, if any."""


def local_time(moment: datetime | None) -> str | None:
    """Format *moment* for the old API: local time, without a time zone."""
    return moment.astimezone().replace(tzinfo=None).isoformat() if moment else None


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    """Return the milliseconds from *start* to *end*, or None if one is unknown."""
    return round((end - start).total_seconds() * 1000) if start and end else None
