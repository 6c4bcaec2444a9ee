"""Jira for the hub: Cloud, Service Management and Data Center as sources of tickets."""

from __future__ import annotations

from hub import Capability, SourceType, hookimpl
from hub_jira.config import JiraConfig
from hub_jira.source import JiraSource

HUB_API = (1, 1)


@hookimpl
def hub_register_source() -> SourceType[JiraConfig]:
    """Offer Jira."""
    return SourceType(
        summary="Jira Cloud, Jira Service Management and Jira Data Center",
        config=JiraConfig,
        create=JiraSource,
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
