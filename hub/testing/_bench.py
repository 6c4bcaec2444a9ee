"""One plugin and its rig on the table: what the contract tests of sources and gateways share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Generic, TypeVar

import pytest

from hub import (
    AuthFailed,
    Capability,
    Component,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from hub.testing.fakes import FakeContext, FakeVault, LogEntry
from hub.testing.redaction import assert_redacted
from hub.testing.rigs import Fault, Rig

ComponentT = TypeVar("ComponentT", bound=Component[Any])
RigT = TypeVar("RigT", bound=Rig)

Classes = tuple[type[RemoteError], ...]

READING: dict[Fault, Classes] = {
    Fault.AUTH: (AuthFailed,),
    Fault.FORBIDDEN: (AuthFailed,),
    Fault.NOT_FOUND: (Rejected, Unexpected, AuthFailed),
    Fault.RATE_LIMIT: (RateLimited,),
    Fault.RATE_LIMIT_SECONDS: (RateLimited,),
    Fault.RATE_LIMIT_DATE: (RateLimited,),
    Fault.UNAVAILABLE: (Unavailable,),
    Fault.SERVER_ERROR: (Unavailable,),
    Fault.MALFORMED: (Unexpected,),
    Fault.CONNECT: (Unavailable,),
    Fault.TIMEOUT_AFTER_REQUEST: (Unavailable,),
    Fault.RESET_AFTER_REQUEST: (Unavailable,),
}
"""What a call that only reads must raise."""

ACTING: dict[Fault, Classes] = READING | {
    Fault.UNAVAILABLE: (Unavailable, OutcomeUnknown),
    Fault.SERVER_ERROR: (OutcomeUnknown, Unavailable),
    Fault.MALFORMED: (OutcomeUnknown, Unexpected),
    Fault.TIMEOUT_AFTER_REQUEST: (OutcomeUnknown,),
    Fault.RESET_AFTER_REQUEST: (OutcomeUnknown,),
    Fault.WRITE_ANSWER_LOST: (OutcomeUnknown,),
}
"""What a call that changes something must raise."""

NOTHING_DONE = frozenset(Fault) - {
    Fault.SERVER_ERROR, Fault.MALFORMED, Fault.TIMEOUT_AFTER_REQUEST, Fault.RESET_AFTER_REQUEST,
    Fault.WRITE_ANSWER_LOST,
}  # fmt: skip
"""The faults after which the request was certainly not carried out."""

_THEN_THE_HUB: dict[type[RemoteError], str] = {
    AuthFailed: "pauses the component and tells the operator",
    RateLimited: "waits as long as it is asked to",
    Unavailable: "tries again later",
    OutcomeUnknown: "looks first and never repeats blindly",
    Rejected: "records this one item and goes on with the next",
    Unexpected: "records it and keeps the cursor where it is",
}


class Bench(Generic[ComponentT, RigT]):
    """Makes instances of the plugin as the hub does, and watches what they tell."""

    def __init__(self, offered: Any, rig: RigT) -> None:
        self.type = offered
        self.rig = rig
        self.made_up: set[str] = set()
        """What the suite itself made up and must stay private."""
        self._vault = FakeVault()
        self._instances: list[tuple[ComponentT, FakeContext]] = []

    def new(self) -> ComponentT:
        """A further instance with the same settings: what a restart of the hub makes."""
        context = FakeContext(transport=self.rig.transport, clock=self.rig.clock)
        context.vault = self._vault
        instance: ComponentT = self.type.create(self.type.config.model_validate(dict(self.rig.settings)), context)
        self._instances.append((instance, context))
        return instance

    async def close(self) -> None:
        """Close all instances."""
        for instance, _ in self._instances:
            await instance.close()

    def logged(self) -> list[LogEntry]:
        """What the instances and their lent clients have logged."""
        return [entry for _, context in self._instances for entry in context.log.entries]

    def private(self) -> tuple[str, ...]:
        """Everything that may appear in no log and no exception."""
        return (*self.rig.secrets, *self.rig.personal, *self.made_up)

    def is_discreet(self, error: Exception) -> None:
        """Fail if an exception shows something private."""
        assert_redacted([error], *self.private())

    def needs(self, capability: Capability) -> None:
        """Skip the test of something that the plugin does not offer."""
        if capability not in self.type.capabilities:
            pytest.skip(f"the plugin does not declare Capability.{capability.name}")

    async def play(self, fault: Fault) -> None:
        """Let the rig fail from now on; skip the test when it cannot."""
        if fault not in self.rig.faults:
            pytest.skip(f"{type(self.rig).__name__}.faults does not name Fault.{fault.name}")
        await self.rig.fail(fault)

    async def play_any(self, *faults: Fault) -> None:
        """Play the first of these that the rig can."""
        able = [fault for fault in faults if fault in self.rig.faults]
        if not able:
            pytest.skip(f"{type(self.rig).__name__}.faults names none of {', '.join(faults)}")
        await self.rig.fail(able[0])

    def advance(self, **by: float) -> None:
        """Let time pass on both sides."""
        self.rig.clock.advance(timedelta(**by))

    @contextmanager
    def raises(self, expected: Classes, call: str, fault: Fault, *, or_nothing: bool = False) -> Iterator[None]:
        """Fail unless the block raises one of these, with nothing private in it."""
        error: Exception | None = None
        try:
            yield
        except AssertionError:
            raise
        except Exception as raised:  # noqa: BLE001 - every wrong kind is reported below in the same words
            error = raised
        if error is None and or_nothing:
            return
        if not isinstance(error, expected):
            wanted = " or ".join(f"{one.__name__} (the hub then {_THEN_THE_HUB[one]})" for one in expected)
            name = type(error).__name__ if error else "nothing"
            message = f"{call} under Fault.{fault.name} raised {name}; expected {wanted}"
            raise AssertionError(message) from error  # noqa: TRY004 - a test fails, no argument has a wrong type
        self.is_discreet(error)
        self._check_pause(error, call, fault)

    def _check_pause(self, error: RemoteError, call: str, fault: Fault) -> None:
        if fault in {Fault.RATE_LIMIT_SECONDS, Fault.RATE_LIMIT_DATE} and isinstance(error, RateLimited):
            # A date has no fractions of a second.
            least = timedelta(seconds=self.rig.retry_after_seconds - 1)
            assert (error.retry_after or timedelta()) >= least, (
                f"{call} was asked to pause for {self.rig.retry_after_seconds:g} s, "
                f"but its RateLimited.retry_after is {error.retry_after}"
            )
