"""E-mail for the hub: a shared mailbox as a source of tickets, and mail as a way to reach customers."""

from hub import Capability, Channel, GatewayType, SourceType, hookimpl
from hub_email.config import EmailSourceConfig
from hub_email.source import EmailSource

HUB_API = (1, 0)


@hookimpl
def hub_register_source() -> SourceType[EmailSourceConfig]:
    """Offer the e-mail desk."""
    return SourceType(
        summary="Shared mailbox over IMAP: threads are tickets",
        config=EmailSourceConfig,
        create=EmailSource,
        capabilities=frozenset({Capability.WRITE_BACK, Capability.WAIT}),
    )
