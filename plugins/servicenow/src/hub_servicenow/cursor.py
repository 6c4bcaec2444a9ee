"""Where a pull stands, as it is stored between pulls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from hub import Cursor, Unexpected, UtcDatetime


class Position(BaseModel):
    """Everything that was updated up to a time has been read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    since: UtcDatetime
    """What was closed before is never surveyed, however often it is updated."""
    updated: UtcDatetime
    """By the instance's clock, to the second."""

    @classmethod
    def beginning(cls, since: datetime) -> Self:
        """The position from which everything that is closed from then on is found."""
        whole = since.replace(microsecond=0)
        return cls(since=whole, updated=whole)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read a stored cursor.

        :raises Unexpected: it is not one of ours.
        """
        try:
            return cls.model_validate_json(cursor)
        except ValidationError:
            raise Unexpected("the stored cursor cannot be read; reset it with `hub state reset`") from None

    def write(self) -> Cursor:
        """The cursor to store."""
        return Cursor(self.model_dump_json())

    def after(self, newest: datetime | None, server_now: datetime, *, settle: timedelta, overlap: timedelta) -> Self:
        """The position after a complete walk: never so near to now that something may still become visible before it,
        and never back. Beyond what was seen it moves only when that is older than `overlap`: otherwise a night's batch
        would be read again every minute until the morning.

        :param newest: the latest update that was seen; None when there was none.
        """
        settled = server_now - settle
        reached = min(max(newest or self.updated, settled - overlap), settled)
        return self.model_copy(update={"updated": max(self.updated, reached)})
