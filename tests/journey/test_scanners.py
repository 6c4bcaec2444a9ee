"""What mail filters do to surveys, and what each of it does to the scores; and that people are not taken for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import sqlalchemy as sa

from hub import Experience
from hub.journey import answer, page
from hub.journey.submission import Submission
from hub.journey.suspicion import Patterns
from hub.store.engine import Store
from hub.store.tables import experiences
from tests.journey.asked import RULES, SENT_AT, SURVEYS, Sent
from tests.journey.world import plan

FILTER = "192.0.2.7"
Scenario = Callable[["Inbox"], Awaitable[None]]


class Inbox(Sent):
    """A customer's survey, sent at 9:00, and what happens to it."""

    token = ""

    async def open_all(self, pause: float) -> None:
        """Follow every rating's link."""
        for rating in range(1, 6):
            await page.note_visit(self.store, self.token, rating, self.now)
            self.pass_time(seconds=pause)

    async def submits(self, rating: int, *, shown: float, **how: object) -> None:
        await self.press(self.token, subject=self.token, shown=shown, service=rating, **how)


async def _opens_everything(inbox: Inbox) -> None:
    inbox.pass_time(seconds=1)
    await inbox.open_all(0.1)


async def _opens_everything_before_the_customer(inbox: Inbox) -> None:
    await _opens_everything(inbox)
    inbox.pass_time(minutes=20)
    await page.note_visit(inbox.store, inbox.token, 4, inbox.now)
    inbox.pass_time(seconds=3)
    await inbox.submits(4, shown=3)


async def _opens_everything_and_submits(inbox: Inbox) -> None:
    await _opens_everything(inbox)
    await inbox.submits(1, shown=0.2)


async def _opens_everything_slowly_and_submits_the_last(inbox: Inbox) -> None:
    inbox.pass_time(minutes=1)
    await inbox.open_all(9)
    await inbox.submits(5, shown=9)


async def _fetches_and_posts_at_once(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await inbox.submits(1, shown=0.3)


async def _submits_while_the_mail_is_delivered(inbox: Inbox) -> None:
    inbox.pass_time(seconds=4)
    await inbox.submits(1, shown=3)


async def _posts_without_having_seen_the_form(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await page.submit(inbox.store, inbox.token, Submission(values={"service": 1}), inbox.rules, inbox.now)


async def _posts_the_form_of_another_survey(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await inbox.press(inbox.token, subject="z" * 20, service=1)


async def _fills_in_every_field(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await inbox.submits(1, shown=8, trap_filled=True, comment="https://example.com", hand="pointer")


async def _takes_its_time_from_a_known_network(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await inbox.submits(1, shown=20, address=FILTER)


async def _runs_scripts_in_a_headless_browser(inbox: Inbox) -> None:
    inbox.pass_time(seconds=20)
    await inbox.open_all(2)
    await inbox.submits(5, shown=2)


async def _submits_before_the_customer(inbox: Inbox) -> None:
    await _opens_everything_and_submits(inbox)
    inbox.pass_time(minutes=20)
    await inbox.submits(4, shown=5, hand="touch")


async def _submits_once_more_after_the_customer(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await inbox.submits(4, shown=5, hand="touch")
    inbox.pass_time(seconds=2)
    await inbox.submits(1, shown=0.2)


async def _goes_on_to_the_page_of_thanks(inbox: Inbox) -> None:
    await _fetches_and_posts_at_once(inbox)
    inbox.pass_time(seconds=5)
    await inbox.submits(1, shown=5, follows_held=True, improve="x")


async def _withdraws_what_the_customer_said(inbox: Inbox) -> None:
    inbox.pass_time(minutes=5)
    await inbox.submits(4, shown=5, hand="touch")
    inbox.pass_time(minutes=1)
    await inbox.press(inbox.token, subject=inbox.token, shown=0.2, withdraws=True)


async def _a_person_without_scripts(inbox: Inbox) -> None:
    inbox.pass_time(minutes=2)
    await inbox.submits(4, shown=6)


async def _a_person_who_answers_at_once(inbox: Inbox) -> None:
    inbox.pass_time(seconds=5)
    await inbox.submits(4, shown=0.8, hand="touch")


async def _a_person_who_tries_all_links(inbox: Inbox) -> None:
    inbox.pass_time(minutes=2)
    await inbox.open_all(2)
    await inbox.submits(4, shown=2, hand="pointer")


async def _a_person_behind_the_filters_own_proxy(inbox: Inbox) -> None:
    inbox.pass_time(minutes=2)
    await inbox.submits(4, shown=6, hand="key", address=FILTER)


async def _a_person_who_changes_their_mind(inbox: Inbox) -> None:
    inbox.pass_time(minutes=2)
    await inbox.submits(1, shown=6, hand="touch")
    inbox.pass_time(seconds=3)
    await inbox.submits(4, shown=3, hand="touch")


MACHINES: tuple[tuple[Scenario, int | None], ...] = (
    (_opens_everything, None),
    (_opens_everything_before_the_customer, 4),
    (_opens_everything_and_submits, None),
    (_opens_everything_slowly_and_submits_the_last, None),
    (_fetches_and_posts_at_once, None),
    (_submits_while_the_mail_is_delivered, None),
    (_posts_without_having_seen_the_form, None),
    (_posts_the_form_of_another_survey, None),
    (_fills_in_every_field, None),
    (_takes_its_time_from_a_known_network, None),
    (_runs_scripts_in_a_headless_browser, None),
    (_submits_before_the_customer, 4),
    (_submits_once_more_after_the_customer, 4),
    (_goes_on_to_the_page_of_thanks, None),
    (_withdraws_what_the_customer_said, 4),
)
"""Each with the score that is stored in the end."""
PEOPLE: tuple[tuple[Scenario, int | None], ...] = (
    (_a_person_without_scripts, 4),
    (_a_person_who_answers_at_once, 4),
    (_a_person_who_tries_all_links, 4),
    (_a_person_behind_the_filters_own_proxy, 4),
    (_a_person_who_changes_their_mind, 4),
)


async def test_only_what_a_customer_said_becomes_a_score(store: Store) -> None:
    rules = replace(RULES, patterns=Patterns(scanner_networks=(ip_network("192.0.2.0/24"),)))
    expected: dict[str, tuple[str, int | None]] = {}
    for number, (scenario, score) in enumerate((*MACHINES, *PEOPLE)):
        inbox = Inbox(store, now=SENT_AT, rules=rules)
        inbox.token = chr(ord("a") + number) * 20
        await inbox.send(inbox.token)
        await scenario(inbox)
        expected[inbox.token] = (scenario.__name__, score)
    later = SENT_AT + timedelta(days=1)
    while await answer.process_new(store, replace(plan(), surveys=SURVEYS), lambda _source: [], later):
        pass
    async with store.read() as connection:
        found = await connection.scalars(sa.select(experiences.c.record).order_by(experiences.c.revision))
        records = [Experience.model_validate_json(one) for one in found]
    scores = {record.ticket.id: record.scores[0].value if record.scores else None for record in records}
    assert {token: (name, scores.get(token)) for token, (name, _) in expected.items()} == expected
    assert not any(record.withdrawn for record in records)
