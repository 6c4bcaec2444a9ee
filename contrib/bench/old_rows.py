"""A store with a past: tickets that were surveyed, answered and written back long ago, made by SQLite itself."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

ROWS_PER_TICKET = 4.5
"""Of 10 tickets 8 had a customer of their own, 5 were answered and written back, and 2 left an event."""
_BYTES_PER_ROW = 300
"""With its part of the indexes."""

_FIRST = 1_000_001
_NUMBER = "@"
"""Stands for the ticket's number in the two texts below."""
_TICKET = json.dumps(
    {
        "id": _NUMBER,
        "key": f"OLD-{_NUMBER}",
        "closure_key": _NUMBER,
        "closed_at": "2025-06-01T08:00:00Z",
        "subject": "The printer on the second floor shows an error and takes no jobs since this morning",
        "customer": {"name": f"Customer {_NUMBER}", "phone": f"+35844{_NUMBER}"},
        "agent": "Anna Agent",
        "type": "Task",
        "opened_at": "2025-05-30T08:00:00Z",
        "fields": {"project": "BENCH", "status": "Done", "priority": "Medium", "labels": ["printer", "hardware"]},
    }
)
_RECORD = json.dumps(
    {
        "id": f"x{_NUMBER}",
        "revision": 1,
        "ticket": {
            "source": "jira",
            "id": _NUMBER,
            "key": f"OLD-{_NUMBER}",
            "closure_key": _NUMBER,
            "closed_at": "2025-06-01T08:00:00Z",
        },
        "survey": "closing",
        "survey_version": "1",
        "channel": "sms",
        "language": "en",
        "scores": [{"question": "csat", "value": 5, "minimum": 1, "maximum": 5}],
        "comment": "Fast and friendly",
        "answered_at": "2025-06-01T10:00:00Z",
    }
)
_STATEMENTS = (
    """INSERT INTO closures (id, source, ticket_id, closure_key, ticket_key, closed_at, seen_at, ticket, decided)
        SELECT i, 'jira', i, i, 'OLD-' || i, :then, :then, replace(:ticket, '@', i), 1 FROM numbers""",
    """INSERT INTO contacts (address, asked_at, asked_for)
        SELECT '+35844' || i, :then, i FROM numbers WHERE i % 5""",
    """INSERT INTO invitations (id, closure_id, token, state, survey_version, language, gateway, channel, address,
            identity, created_at, due_at, expires_at, sent_at, delivered_at, answered_at, attempts)
        SELECT i, i, lower(hex(randomblob(10))), :state, '1', 'en', 'sms', 'sms', '+35844' || i, '+35844' || i, :then,
            :then, :expires, :then, CASE WHEN i % 2 THEN :then END, CASE WHEN i % 2 AND :answered THEN :then END, 1
        FROM numbers""",
    """INSERT INTO answers (id, gateway, provider_id, channel, state, invitation_id, matched_by, sender, recipient,
            text, raw, received_at, stored_at)
        SELECT i, 'sms', 'old' || i, 'sms', 'used', i, 'sender', '+35844' || i, '12345', '5 Fast and friendly', '',
            :then, :then
        FROM numbers WHERE i % 2 AND :answered""",
    """INSERT INTO experiences (id, invitation_id, revision, uid, record, created_at)
        SELECT i, i, 1, 'x' || i, replace(:record, '@', i), :then FROM numbers WHERE i % 2 AND :answered""",
    """INSERT INTO write_backs (id, experience_id, target, state, attempts, next_at, done_at, reason)
        SELECT i, i, 'sources.jira', 'done', 1, :then, :then, 'property' FROM numbers WHERE i % 2 AND :answered""",
    """INSERT INTO events (closure_id, at, what)
        SELECT i, :then, 'the message was reported as delivered' FROM numbers WHERE i % 5 = 0""",
)


@dataclass(frozen=True, slots=True)
class Past:
    """What the old tickets are like now."""

    tickets: int
    state: str = "delivered"
    """Of their invitations."""
    then: str = "2025-06-01 08:00:00.000000"
    """When everything happened, as SQLite stores it."""
    expires: str = "2025-06-15 08:00:00.000000"
    """Until when they can be answered."""
    answered: bool = True
    """Whether half of the customers have answered."""


def add(database: Path, past: Past) -> int:
    """Put old tickets into a store that nobody uses now; how many rows that made.

    :raises OSError: there may not be enough room for them.
    """
    needed = int(past.tickets * ROWS_PER_TICKET * _BYTES_PER_ROW * 2)  # and as much again, to work
    if (free := shutil.disk_usage(database.parent).free) < needed:
        raise OSError(f"{database.parent} has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB are needed")
    values = asdict(past) | {"ticket": _TICKET, "record": _RECORD, "first": _FIRST, "last": _FIRST + past.tickets - 1}
    numbers = "WITH RECURSIVE numbers(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM numbers WHERE i < :last)"
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
        connection.execute("BEGIN")
        before = connection.total_changes
        for statement in _STATEMENTS:
            connection.execute(statement.replace("SELECT", f"{numbers} SELECT", 1), values)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
        return connection.total_changes - before
    finally:
        connection.close()
