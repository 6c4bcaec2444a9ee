"""ServiceNow: incidents, requested items and customer service cases, through the Table API."""

from __future__ import annotations

from hub import Capability, SourceType, hookimpl
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.source import ServiceNowSource

HUB_API = (1, 1)


@hookimpl
def hub_register_source() -> SourceType[ServiceNowConfig]:
    """Offer ServiceNow as a ticket source."""
    return SourceType(
        summary="incidents, requested items and cases of a ServiceNow instance",
        config=ServiceNowConfig,
        create=ServiceNowSource,
        capabilities=frozenset(
            {
                Capability.WRITE_BACK,
                Capability.REWIND,
                Capability.RECEIVE,
                Capability.FETCH,
                Capability.CENSUS,
                Capability.MILESTONES,
            }
        ),
    )
