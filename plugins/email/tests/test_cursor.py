"""What is stored between pulls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hub_email.cursor import FolderPosition, KeywordPosition, Position, pack, unpack
from hypothesis import given
from hypothesis import strategies as st

from hub import Cursor, Unexpected


@given(st.sets(st.integers(1, 500)))
def test_uids_survive_being_packed(uids: set[int]) -> None:
    assert unpack(pack(uids)) == uids


def test_ranges_are_short() -> None:
    assert pack({*range(1, 5001), 7000}) == "1:5000,7000"


def test_a_position_survives_being_stored() -> None:
    position = Position(
        started_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        inbox=FolderPosition(name="INBOX", uidvalidity=1, last_uid=7),
        closed=FolderPosition(name="Closed", uidvalidity=2, last_uid=9, rescan_until=4),
        keyword=KeywordPosition(name="$Closed", uidvalidity=1, seen="1:3"),
    )
    assert Position.read(position.write()) == position


@pytest.mark.parametrize("cursor", ["", "17", "{}", '{"version": 2}'])
def test_a_foreign_cursor_is_refused_with_the_next_step(cursor: str) -> None:
    with pytest.raises(Unexpected, match="hub state reset"):
        Position.read(Cursor(cursor))
