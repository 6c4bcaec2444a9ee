"""Surveys that were sent, put into a store as they are after sending, and what their pages need."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hub import Channel, Customer, Ticket
from hub.journey import page, stamp
from hub.journey.page import Opened
from hub.journey.submission import Outcome, PageRules, Submission
from hub.journey.surveys import keep
from hub.journey.suspicion import Patterns
from hub.store.engine import Store
from hub.store.tables import InvitationState, answers, closures, invitations
from hub.survey.model import MessageKind, Survey
from tests.surveys import surveys

TOKEN, LATER, OTHER = "a" * 20, "b" * 20, "c" * 20
MAIL = "maija@customer.example"
KEY = b"k" * 32
SENT_AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
SURVEYS = surveys()
RULES = PageRules(surveys=SURVEYS, change_within=timedelta(days=7), patterns=Patterns(), key=KEY)
_nonces = (f"{number:016x}" for number in itertools.count())


@dataclass
class Sent:
    """One customer's page over a store. Time passes as the test says."""

    store: Store
    now: datetime = SENT_AT + timedelta(minutes=30)
    rules: PageRules = field(default_factory=lambda: RULES)

    def pass_time(self, **length: float) -> None:
        self.now += timedelta(**length)

    async def send(self, token: str = TOKEN, *, survey: Survey = SURVEYS["closing"], **changes: Any) -> None:
        """Put a survey there that was sent half an hour ago."""
        ticket = Ticket(
            id=token, key="T-1", closure_key="1", closed_at=SENT_AT, subject="Printer", customer=Customer(email=MAIL)
        )
        closure = {
            "source": "desk", "ticket_id": token, "closure_key": "1", "ticket_key": "T-1", "closed_at": SENT_AT,
            "seen_at": SENT_AT, "ticket": ticket.model_dump_json(), "decided": True,
        }  # fmt: skip
        async with self.store.write() as connection:
            await keep(connection, survey, SENT_AT)
            id_ = (await connection.execute(closures.insert().values(closure))).inserted_primary_key[0]  # type: ignore[index]
            await connection.execute(invitations.insert().values(_row(id_, token, survey) | changes))

    async def follow(self, token: str = LATER, *, kind: str = MessageKind.REMINDER, **changes: Any) -> None:
        """Send a further message of the same conversation."""
        async with self.store.write() as connection:
            first = (await connection.execute(sa.select(invitations))).mappings().first()
            assert first is not None
            row = {**first, "token": token, "step": 1, "kind": kind, **changes}
            del row["id"]
            await connection.execute(invitations.insert().values(row))

    async def change(self, **values: Any) -> None:
        """Change the survey's row."""
        async with self.store.write() as connection:
            await connection.execute(invitations.update().where(invitations.c.step == 0).values(values))

    async def look(self, token: str = TOKEN) -> Opened:
        """What the page shows."""
        opened = await page.open_page(self.store, token, self.rules, self.now)
        assert opened is not None
        return opened

    async def press(self, token: str = TOKEN, *, subject: str = TOKEN, shown: float = 5, **values: Any) -> Outcome:
        """Submit the page's form, shown some seconds before."""
        given = {name: values.pop(name) for name in ("withdraws", "follows_held", "hand", "trap_filled", "address")
                 if name in values}  # fmt: skip
        made = stamp.make(KEY, subject, self.now - timedelta(seconds=shown), next(_nonces))
        submission = Submission(values=values, **{"stamp": made, **given})
        return await page.submit(self.store, token, submission, self.rules, self.now)

    async def answers(self) -> list[Mapping[Any, Any]]:
        async with self.store.read() as connection:
            return list((await connection.execute(sa.select(answers).order_by(answers.c.id))).mappings())


async def submit(store: Store, token: str, now: datetime, **values: Any) -> Outcome:
    """Answer on a survey's page with a finger, by question id."""
    made = stamp.make(KEY, token, now - timedelta(seconds=5), next(_nonces))
    trap_filled = values.pop("trap_filled", False)
    submission = Submission(values=values, stamp=made, hand="touch", trap_filled=trap_filled)
    return await page.submit(store, token, submission, RULES, now)


def _row(closure_id: int, token: str, survey: Survey) -> dict[str, Any]:
    return {
        "closure_id": closure_id,
        "token": token,
        "state": InvitationState.SENT,
        "survey": survey.name,
        "survey_version": survey.version,
        "language": "fi",
        "gateway": "mail",
        "channel": Channel.EMAIL,
        "address": MAIL,
        "identity": MAIL,
        "created_at": SENT_AT,
        "due_at": SENT_AT,
        "sent_at": SENT_AT,
        "expires_at": SENT_AT + timedelta(days=14),
        "attempts": 1,
    }
