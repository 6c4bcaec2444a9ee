"""Whatever customers write, and whatever becomes of messages, a conversation stays within its bounds."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import Customer, DeliveryStatus, Message, OutcomeUnknown, Receipt, Rejected, Unavailable
from hub.store.engine import Store
from hub.store.tables import AnswerState, answers, invitations
from tests.journey.world import Phones, World, plan, surveys, ticket

Step = tuple[str, Any]
Example = Callable[[int, list[Step]], None]
_numbers = itertools.count(1)
_TEXTS = ("1", "5", "3 kiitos", "ei", "kyllä", "hidasta", "1 2", "2 h", "ok", "STOP", "START", "ei kiitos", "", "👍")
_CONFIRMATIONS = {"stopped", "started"}
_STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("reply"), st.sampled_from(_TEXTS) | st.text(max_size=12)),
        st.tuples(st.just("process"), st.none()),
        st.tuples(st.just("send"), st.sampled_from([None, None, Unavailable, OutcomeUnknown, Rejected])),
        st.tuples(st.just("die"), st.none()),
        st.tuples(st.just("report"), st.sampled_from([DeliveryStatus.DELIVERED, DeliveryStatus.FAILED])),
        st.tuples(st.just("page"), st.integers(1, 5)),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 24 * 15])),
    ),
    max_size=14,
)


class Deaf(Phones):
    """What the hub is not sure of has arrived all the same."""

    async def send(self, message: Message) -> Receipt:
        if self.failures and isinstance(self.failures[0], OutcomeUnknown):
            self.messages.append(message)
        return await super().send(message)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, sqlite_store: Path) -> Iterator[Example]:
    """One store for all examples; each has a customer of its own."""
    path = tmp_path_factory.mktemp("conversations") / "hub.db"
    shutil.copy(sqlite_store, path)
    with asyncio.Runner() as runner:
        world = World(runner.run(Store.open(f"sqlite:///{path}")), phones=Deaf())
        runner.run(world.register("test"))
        yield lambda most, steps: runner.run(_example(world, most, steps))
        runner.run(world.store.close())


@settings(max_examples=15, deadline=None)
@given(most=st.integers(1, 5), steps=_STEPS)
def test_no_customer_gets_too_many_messages_or_a_question_twice_and_no_reply_is_lost(
    example: Example, most: int, steps: list[Step]
) -> None:
    example(most, steps)


async def _example(world: World, most: int, steps: list[Step]) -> None:
    world.plan = replace(plan(reminder="1d", max_age="900d"), surveys=surveys(most))
    number = f"+35840{next(_numbers):07}"
    world.phones.messages.clear()
    world.phones.failures.clear()
    await world.close(ticket(world.now, customer=Customer(phone=number)))
    async with world.store.write() as connection:
        mine = invitations.update().where(invitations.c.identity == number)
        await connection.execute(mine.values(remind_at=world.now + world.plan.survey.reminder))
    await world.deliver()
    for name, value in steps:
        await _take(world, number, name, value)
    world.phones.failures.clear()
    for _ in range(3):
        await _take(world, number, "wait", 1)
        await _take(world, number, "send", None)
    _check(world, number, most)
    await _check_replies(world, number, [value for name, value in steps if name == "reply"])


async def _take(world: World, number: str, name: str, value: Any) -> None:
    match name:
        case "reply":
            await world.reply(value, number)
        case "process":
            await world.process()
        case "send":
            world.phones.failures = [value("no")] if value else []
            await world.process()
            await world.remind()
            await world.deliver()
        case "die":
            await world.claim()
            await world.take_over()
        case "report":
            await world.report(value, key=world.phones.messages[-1].key)
        case "page":
            await world.answer_on_page(world.phones.messages[0].key, value)
        case "wait":
            world.pass_time(hours=value)


def _check(world: World, number: str, most: int) -> None:
    sent = [message.text for message in world.phones.messages if message.recipient == number]
    counted = Counter(text for text in sent if text not in _CONFIRMATIONS)
    assert counted.total() <= most
    assert set(counted.values()) <= {1}, "something was said twice"
    if "stopped" in sent:
        assert set(sent[sent.index("stopped") :]) <= _CONFIRMATIONS, "something came after a stop"


async def _check_replies(world: World, number: str, replies: list[str]) -> None:
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(answers.c.state).where(answers.c.sender == number))
        states = list(found.scalars())
        assert len([one for one in states if one == AnswerState.USED]) >= len(replies)
        assert AnswerState.NEW not in states
