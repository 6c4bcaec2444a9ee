"""SMS through Twilio's Messages API."""

from __future__ import annotations

from datetime import timedelta

from hub import Capability, Channel, GatewayType, RateLimit, hookimpl
from hub_twilio.config import TwilioConfig
from hub_twilio.gateway import TwilioGateway

HUB_API = (1, 1)


@hookimpl
def hub_register_gateway() -> GatewayType[TwilioConfig]:
    """Offer SMS through Twilio."""
    return GatewayType(
        summary="SMS through Twilio's Messages API",
        config=TwilioConfig,
        create=TwilioGateway,
        channel=Channel.SMS,
        capabilities=frozenset({Capability.RECEIVE, Capability.COLLECT, Capability.LOOK_UP}),
        # Twilio queues what a sender cannot take yet, for ten hours; this keeps a large batch away from its limit of
        # requests at the same moment (error 20429, https://www.twilio.com/docs/api/errors/20429).
        rate=RateLimit(calls=10, per=timedelta(seconds=1)),
    )
