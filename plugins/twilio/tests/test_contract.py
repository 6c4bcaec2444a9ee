"""The hub's gateway contract, against the simulated account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import hub_twilio
import pytest

from hub import DeliveryStatus, Message, Receipt, Webhook
from hub.testing.contracts import GatewayContract

SOON, LATER = timedelta(minutes=6), timedelta(hours=19)


class TestNumber(GatewayContract):
    plugin = hub_twilio

    @pytest.fixture
    def rig(self, rig: Any) -> Any:
        return rig


class TestLostWebhooks(GatewayContract):
    """Nothing reaches the hub's address: replies are listed, and how messages ended half a day later."""

    plugin = hub_twilio
    test_a_forged_request_is_refused = test_a_bare_request_is_refused = test_a_damaged_request_raises_nothing_else = (
        None
    )

    @pytest.fixture
    def rig(self, rig: Any) -> Any:
        class Unheard(type(rig)):  # type: ignore[misc]
            reports = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.REJECTED})

            async def customer_replies(self, message: Message, text: str) -> Sequence[Webhook]:
                await super().customer_replies(message, text)
                self.clock.advance(SOON)
                return ()

            async def report(self, message: Message, receipt: Receipt, status: DeliveryStatus) -> Sequence[Webhook]:
                await super().report(message, receipt, status)
                self.clock.advance(LATER)
                return ()

        return Unheard()
