"""E-mail for the hub: a shared mailbox as a source of tickets, and mail as a way to reach customers."""

from hub import Capability, Channel, GatewayType, SourceType, hookimpl
from hub_email.config import EmailSourceConfig
from hub_email.gateway import CAPABILITIES, EmailGateway
from hub_email.gateway_config import EmailGatewaySettings
from hub_email.source import EmailSource

HUB_API = (1, 0)


@hookimpl
def hub_register_source() -> SourceType[EmailSourceConfig]:
    """Offer the e-mail desk."""
    return SourceType(
        summary="Shared mailbox over IMAP; its threads are the tickets",
        config=EmailSourceConfig,
        create=EmailSource,
        capabilities=frozenset({Capability.WRITE_BACK, Capability.WAIT, Capability.REWIND, Capability.MILESTONES}),
    )


@hookimpl
def hub_register_gateway() -> GatewayType[EmailGatewaySettings]:
    """Offer surveys by mail."""
    return GatewayType(
        summary="Surveys by SMTP; answers and bounces are read over IMAP",
        config=EmailGatewaySettings,
        create=EmailGateway,
        channel=Channel.EMAIL,
        capabilities=CAPABILITIES,
    )
