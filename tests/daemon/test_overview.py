"""What `hub status` counts in the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hub.journey.overview import Doubt, Pause, Queue, overview
from hub.journey.uncomposed import uncomposed
from hub.store.engine import Store
from hub.store.tables import answers, closures, experiences, invitations, pauses, write_backs
from tests.daemon.counted import LONG_AGO, NOTHING, NOW, ago


def _ticket(number: int, seen_at: datetime, *, decided: bool = True) -> dict[str, Any]:
    when = {"closed_at": seen_at, "seen_at": seen_at}
    names = {"ticket_id": f"id{number}", "ticket_key": f"T-{number}", "closure_key": "c", "ticket": "{}"}
    return {"id": number, "source": "desk", "decided": decided, **when, **names}


def _survey(number: int, state: str, created_at: datetime, **more: Any) -> dict[str, Any]:
    row = {"id": number, "closure_id": number, "token": f"token{number}", "state": state, "gateway": "sms"}
    return {**row, "created_at": created_at, "reason": None, "due_at": None, **more}


async def _fill(store: Store) -> None:
    """A store with old rows and new ones of every kind; the numbers have gaps."""
    old, new = LONG_AGO, ago(hours=2)
    surveys = [
        _survey(1, "delivered", old),
        _survey(2, "unknown", old, reason="worker_died"),
        _survey(7, "waiting", old, due_at=ago(minutes=30)),
        _survey(8, "waiting", new, due_at=ago(minutes=-30)),
        _survey(9, "delivered", new),
        _survey(30, "skipped", new, reason="no_contact", gateway=None),
        _survey(31, "sending", new),
    ]
    answer = {"gateway": "sms", "channel": "sms", "sender": "+358401234567", "text": "5", "received_at": new}
    records = {1: old, 9: new}
    async with store.write() as connection:
        await connection.execute(
            closures.insert(),
            [*(_ticket(one["id"], one["created_at"]) for one in surveys), _ticket(40, new, decided=False)],
        )
        await connection.execute(invitations.insert(), surveys)
        await connection.execute(
            answers.insert(),
            [
                answer | {"provider_id": state + at.isoformat(), "state": state, "stored_at": at}
                for state, at in (("used", old), ("new", old), ("used", new), ("unmatched", new))
            ],
        )
        await connection.execute(
            experiences.insert(),
            [
                {"id": id_, "invitation_id": id_, "revision": 1, "uid": "u", "record": "{}", "created_at": at}
                for id_, at in records.items()
            ],
        )
        await connection.execute(
            write_backs.insert(),
            [
                {"experience_id": id_, "target": target, "state": state, "next_at": records[id_]}
                for id_, target, state in (
                    (1, "sources.desk", "done"),
                    (1, "sinks.s", "pending"),
                    (9, "sinks.s", "done"),
                )
            ],
        )
        await connection.execute(
            pauses.insert(),
            [{"key": f"{minutes}", "service": "acme", "until": ago(minutes=minutes)} for minutes in (-5, 5)],
        )


async def test_what_is_open_is_counted_whatever_its_age_and_the_rest_of_the_last_day(store: Store) -> None:
    await _fill(store)
    async with store.read() as connection:
        seen = await overview(connection, NOW)
    assert (seen.closed, seen.skipped, seen.unknown) == ({"desk": 5}, {"no_contact": 1}, {"worker_died": 1})
    assert seen.asked == {"sms": {"waiting": 2, "unknown": 1, "sending": 1, "delivered": 1}}
    assert (seen.received, seen.experiences, seen.answered) == ({"sms": {"used": 1, "unmatched": 1}}, 1, 1)
    assert seen.written == {"sinks.s": {"pending": 1, "done": 1}}
    assert seen.surveys == {"sms": Queue(2, 1, ago(minutes=30))}
    assert seen.results == {"sinks.s": Queue(1, 1, LONG_AGO)}
    assert (seen.undecided, seen.unread) == (Queue(1, 1, ago(hours=2)), Queue(1, 1, LONG_AGO))
    assert seen.doubts == (Doubt("sms", "worker_died", 1, LONG_AGO),)
    assert seen.paused == (Pause("acme", None, ago(minutes=-5)),)


async def test_only_surveys_of_the_last_day_that_could_not_be_written_are_counted(store: Store) -> None:
    lost = {"reason": "cannot_compose"}
    surveys = [
        _survey(1, "failed", LONG_AGO, **lost),
        _survey(2, "failed", ago(hours=2), **lost),
        _survey(3, "failed", ago(hours=2), gateway="mail", **lost),
        _survey(4, "failed", ago(hours=1), **lost),
        _survey(5, "failed", ago(hours=1), reason="rejected"),
        _survey(6, "delivered", ago(hours=1)),
    ]
    async with store.write() as connection:
        await connection.execute(closures.insert(), [_ticket(one["id"], one["created_at"]) for one in surveys])
        await connection.execute(invitations.insert(), surveys)
        assert await uncomposed(connection, await overview(connection, NOW)) == {"mail": 1, "sms": 2}
        assert await uncomposed(connection, NOTHING) == {}


async def test_the_window_begins_at_the_same_row_wherever_that_is(store: Store) -> None:
    numbers = [3, 4, 9, 10, 11, 40]
    async with store.write() as connection:
        await connection.execute(closures.insert(), [_ticket(one, ago(hours=one)) for one in reversed(numbers)])
        await connection.execute(sa.update(closures).values(id=100 - closures.c.id))  # older ones have lower numbers
        for now_h in (-23, -21, -20, -16, -15, -13, 0, 15, 16):
            seen = await overview(connection, ago(hours=now_h))
            assert sum(seen.closed.values()) == sum(one <= now_h + 24 for one in numbers)
