"""Where a pull stands, as it is stored between pulls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub import Cursor, Unexpected

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)

EpochMillis = Annotated[int, Field(ge=0, le=253_402_300_799_999)]


class Position(BaseModel):
    """Where a pull stands. All times are on Jira's clock, in milliseconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    since: EpochMillis
    """Up to here everything was read; what the search index showed late lies at most the overlap behind it."""
    floor: EpochMillis
    """When the first pull was. What was closed before is never surveyed."""
    looked: EpochMillis
    """Up to here reopened tickets were looked for."""

    @classmethod
    def starting(cls, since: datetime, now: datetime) -> Self:
        """The beginning of a pull of what is closed from `since` on."""
        return cls(since=millis(since), floor=millis(since), looked=millis(now))

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

    def after(self, newest: datetime | None, settled: datetime) -> Self:
        """Where a pull stands after its walk.

        :param newest: the newest closing that was seen; None when there was none.
        :param settled: what is newer than this may still come into the search index in another order.
        """
        seen = self.since if newest is None else millis(min(newest, settled))
        return self.model_copy(
            update={"since": max(self.since, seen), "looked": max(self.looked, millis(settled))},
        )

    @property
    def since_time(self) -> datetime:
        """`since` as a time."""
        return moment_of(self.since)

    @property
    def floor_time(self) -> datetime:
        """`floor` as a time."""
        return moment_of(self.floor)

    @property
    def looked_time(self) -> datetime:
        """`looked` as a time."""
        return moment_of(self.looked)


def millis(at: datetime) -> int:
    """A time in milliseconds since 1970, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def moment_of(epoch_millis: int) -> datetime:
    """The time that `millis` was given."""
    return _EPOCH + epoch_millis * _MILLISECOND
