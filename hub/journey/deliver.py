"""Stage 3: due invitations are taken, their tickets read once more, and sent; `outcome` stores what became of each.

`sending` is committed before anything leaves. Who finds a row in `sending` whose worker is dead knows that the message
may have left.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.api.errors import OutcomeUnknown, Rejected, RemoteError
from hub.api.records import DeliveryStatus, Receipt
from hub.faults import fault_point
from hub.journey import claims, outcome
from hub.journey.insist import insist
from hub.journey.policy import Plan
from hub.journey.post import Post, Row
from hub.journey.reread import is_fresh, still_closed
from hub.store.engine import Store, despite_deadlock

SEND_LIMIT = timedelta(seconds=60)
AHEAD = 100
"""How many surveys are looked at together at most: as many tickets as desks give in one answer."""


@dataclass(slots=True)
class Batch:
    """What has come to pass since the step before."""

    looked_at: int = 0
    """Also those that were taken back or put off because the customer is not to be asked now."""
    tried: int = 0
    sent: int = 0
    refused: int = 0
    """Those that only they themselves were to blame for."""
    errors: list[RemoteError] = field(default_factory=list)

    @property
    def error(self) -> RemoteError | None:
        """Why the gateway as a whole seems out of order: nothing went through."""
        return self.errors[0] if self.errors and not self.sent and not self.refused else None


class Sender:
    """The surveys that are under way on one gateway.

    Leaving the block waits for them and hands back what was not begun; being cancelled cancels them.
    """

    def __init__(self, store: Store, post: Post) -> None:
        self.post = post
        self._store = store
        self._at_hand: list[Row] = []
        """Taken, with tickets that were read a moment ago, and not begun."""
        self._read_at = post.clock.now()
        self._begun = 0
        """Of what was read then."""
        self._ahead = AHEAD
        self._under_way: dict[asyncio.Task[None], int] = {}
        """Each with the id of its invitation."""
        self._in_doubt = True
        """Whether rows may name this worker that it is not sending; one before on this gateway may have left some."""
        self._never_begun: set[int] = set()
        self._one_ended = asyncio.Event()
        self._batch = Batch()
        self._failures: list[BaseException] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, asyncio.CancelledError):
                self._cancel()
            else:
                with suppress(SQLAlchemyError, OSError):  # they stay this worker's until it leaves
                    await self.hand_back()
        finally:
            await self.finish()

    async def room(self, limit: int) -> int:
        """Wait until at least half of `limit` places are free.

        :returns: how many are.
        """
        while len(self._under_way) > limit // 2:
            self._one_ended.clear()
            await self._one_ended.wait()
        return limit - len(self._under_way)

    async def count_due(self, limit: int) -> int:
        """How many invitations could be begun now, counted up to `limit`; what is at hand need not be looked for."""
        if self._at_hand:
            return min(limit, len(self._at_hand))
        return await claims.count_due(self._store, self.post, limit)

    async def step(self, plan: Plan, number: int) -> Batch:
        """Begin to send up to `number` due invitations.

        :returns: what was begun, and what has ended since the step before.
        """
        if self._in_doubt:
            await self._recover()
        if number > 0:
            await self._look(plan, number)
            await self._begin_some(plan, number)
        return self._account()

    async def hand_back(self) -> None:
        """Let other workers have what was taken and is not begun."""
        at_hand, self._at_hand = self._at_hand, []
        if at_hand:
            await claims.release(self._store, at_hand)

    async def finish(self) -> Batch:
        """Wait for all that is under way."""
        if self._under_way:
            try:
                await asyncio.wait(self._under_way)
            except asyncio.CancelledError:
                self._cancel()
                raise
        return self._account()

    def _cancel(self) -> None:
        for task in self._under_way:
            task.cancel()

    async def _recover(self) -> None:
        """Nobody else settles rows that name a worker which lives."""
        await claims.recover(self._store, self.post, list(self._under_way.values()), self._never_begun)
        self._in_doubt, self._never_begun = False, set()

    async def _look(self, plan: Plan, number: int) -> None:
        """Have surveys at hand, more than are begun now: a desk is asked for many tickets as fast as for one.

        Where sending is slower than that, fewer are read the next time, for what is read in vain is read again.
        """
        if not self._at_hand:
            self._ahead = min(AHEAD, 2 * self._ahead)
        elif not is_fresh(self._read_at, self.post.clock.now()):
            self._ahead = max(number, self._begun)
            await self.hand_back()
        if self._at_hand:
            self._batch.looked_at += len(self._at_hand)
            return
        taking = partial(claims.take, self._store, self.post, max(number, self._ahead))
        taken, now = await despite_deadlock(taking), self.post.clock.now()
        still = await still_closed(
            self._store, taken, self.post.reread, max_age=plan.survey.max_age, clock=self.post.clock
        )
        if len(still) < len(taken):
            kept = {row["id"] for row in still}
            await claims.release(self._store, [row for row in taken if row["id"] not in kept])
        self._batch.looked_at += len(taken)
        self._at_hand, self._begun = still, 0
        self._read_at = min((row["read_at"] for row in still if is_fresh(row["read_at"], now)), default=now)

    async def _begin_some(self, plan: Plan, number: int) -> None:
        some, self._at_hand = self._at_hand[:number], self._at_hand[number:]
        self._begun += len(some)
        self._in_doubt, self._never_begun = True, {row["id"] for row in some}
        rows = await claims.claim(self._store, self.post, plan, some)
        for row in rows:
            self._begin(row)
        self._in_doubt, self._never_begun = False, set()
        if rows:
            fault_point("deliver.claimed")
            await asyncio.sleep(0)

    def _begin(self, row: Row) -> None:
        task = asyncio.create_task(self._deliver(row))
        self._under_way[task] = row["id"]
        task.add_done_callback(self._ended)
        self._batch.tried += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._one_ended.set()
        if not task.cancelled() and (failure := task.exception()):
            self._failures.append(failure)

    def _account(self) -> Batch:
        if self._failures:
            failures, self._failures = self._failures, []
            self._in_doubt = True
            raise failures[0]
        batch, self._batch = self._batch, Batch()
        return batch

    async def _deliver(self, row: Row) -> None:
        started_at = self.post.clock.now()
        result = await _send(self.post, row)
        fault_point("deliver.sent")
        attempt = outcome.Attempt(self.post.name, self.post.repeatable, row, started_at, self.post.clock.now())
        await insist(lambda: self._store.commit_with(outcome.store_outcomes, (attempt, result)), self.post.clock)
        fault_point("deliver.stored")
        if isinstance(result, Receipt):
            self._batch.sent += 1
        elif isinstance(result, Rejected):
            self._batch.refused += 1
        else:
            self._batch.errors.append(result)


async def _send(post: Post, row: Row) -> Receipt | RemoteError:
    """Hand a message to the gateway. Whatever goes wrong after that may have let it leave."""
    try:
        message = post.compose(row)
    except Exception as error:  # noqa: BLE001 - nothing left, and it would fail again
        structlog.get_logger().error("survey.cannot_compose", gateway=post.name, error=type(error).__name__)
        return Rejected(f"the message could not be made: {type(error).__name__}", reason="cannot_compose")
    try:
        async with asyncio.timeout(SEND_LIMIT.total_seconds()):
            return _judge(await post.gateway.send(message))
    except RemoteError as error:
        return error
    except TimeoutError:
        return OutcomeUnknown("the gateway did not finish in time")
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        return OutcomeUnknown("the plugin was cancelled from inside")
    except Exception as error:  # noqa: BLE001 - a plugin's bug: nobody knows whether the message left
        return OutcomeUnknown(f"the plugin failed with {type(error).__name__}")


def _judge(receipt: Receipt) -> Receipt | RemoteError:
    """A plugin should raise what did not go well; one that says it in the receipt is understood too."""
    if not isinstance(receipt, Receipt):
        return OutcomeUnknown("the plugin gave no receipt")
    if receipt.status in (DeliveryStatus.REJECTED, DeliveryStatus.FAILED):
        return Rejected("the gateway refused the message", reason=receipt.reason or "rejected")
    if receipt.status is DeliveryStatus.UNKNOWN:
        return OutcomeUnknown("the gateway cannot say")
    return receipt
