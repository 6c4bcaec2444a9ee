"""SMS through Kannel, the open-source SMS gateway."""

from __future__ import annotations

from datetime import timedelta

from hub import Capability, Channel, GatewayType, RateLimit, hookimpl
from hub_kannel.config import KannelConfig
from hub_kannel.gateway import KannelGateway

HUB_API = (1, 0)


@hookimpl
def hub_register_gateway() -> GatewayType[KannelConfig]:
    """Offer SMS through Kannel."""
    return GatewayType(
        summary="SMS through Kannel's sendsms interface",
        config=KannelConfig,
        create=KannelGateway,
        channel=Channel.SMS,
        capabilities=frozenset({Capability.RECEIVE}),
        # Kannel queues what its operator links cannot take yet; this only keeps a large batch from filling its store.
        rate=RateLimit(calls=50, per=timedelta(seconds=1)),
    )
