"""Where a pull stands, as it is stored between pulls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from hub import Cursor, Unexpected


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FolderPosition(_Stored):
    """All messages of a folder up to a UID are dealt with."""

    name: str
    uidvalidity: int
    last_uid: int
    rescan_until: int = 0
    """Messages up to this UID were dealt with before the server gave all messages new UIDs."""


class KeywordPosition(_Stored):
    """The messages of the inbox whose closing keyword is dealt with."""

    name: str
    uidvalidity: int
    seen: str
    """UIDs that carry the keyword, as in "3,7:12"."""
    rescan_until: int = 0


class Position(_Stored):
    """Where a pull stands."""

    version: Literal[1] = 1
    started_at: AwareDatetime
    """When the first pull was. What was closed before is never surveyed."""
    inbox: FolderPosition
    closed: FolderPosition | None = None
    keyword: KeywordPosition | None = None
    looked_at: AwareDatetime | None = None
    """When the last pull was, to the hour."""

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
        return Cursor(self.model_dump_json(exclude_none=True))


def pack(uids: Iterable[int]) -> str:
    """Write UIDs as ranges: {3, 7, 8, 9} becomes "3,7:9"."""
    ranges: list[list[int]] = []
    for uid in sorted(uids):
        if ranges and uid <= ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in ranges)


def unpack(text: str) -> set[int]:
    """Read what `pack` wrote."""
    uids: set[int] = set()
    for part in text.split(",") if text else ():
        low, _, high = part.partition(":")
        uids.update(range(int(low), int(high or low) + 1))
    return uids
