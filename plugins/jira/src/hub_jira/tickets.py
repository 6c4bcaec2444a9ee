"""The tickets that are written to, as they stand before and afterwards: from Jira itself, not from its search index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from hub import AuthFailed, RateLimited, Rejected, RemoteError, Unavailable, Unexpected
from hub_jira import search
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig
from hub_jira.job import Gone, Refused
from hub_jira.search import MOST_READ, Issue
from hub_jira.site import Site


class Shown(NamedTuple):
    """What the write-back must know of a ticket."""

    project: str
    """Id of the project that it lies in; empty when Jira does not show it."""
    kind: Any
    """What the project says that it is, such as "software"."""
    record: Any
    """The property; None when there is none."""
    fields: Mapping[str, Any]
    """The custom fields for results, by id."""


class Tickets:
    """Reads tickets that are written to."""

    def __init__(self, config: JiraConfig, client: JiraClient) -> None:
        self._client = client
        self._results = tuple(dict.fromkeys(config.result_fields.values()))
        self._fields = ("project", *self._results)
        self._property = config.property_key

    async def several(self, ids: Sequence[str], site: Site) -> Mapping[str, Shown]:
        """Tickets by their ids: those that Jira shows whole in one answer for many. Only Cloud can do that.

        What is missing must be read by itself: only that answer tells whether a ticket is gone or refused.

        :raises RemoteError: reading each by itself would meet the same.
        """
        if not site.cloud or len(ids) < 2:
            return {}
        found: dict[str, Shown] = {}
        for start in range(0, len(ids), MOST_READ):
            found |= await self._at_once(ids[start : start + MOST_READ], site)
        return found

    async def _at_once(self, ids: Sequence[str], site: Site) -> dict[str, Shown]:
        try:
            rows, _ = await search.read(self._client, ids, self._fields, [self._property])
        except AuthFailed:
            await self.sign_in(site)
            return {}
        except RemoteError as error:
            if _is_away(error):
                raise
            return {}  # one ticket on which Jira fails spoils the answer for all, and is not named
        return {row["id"]: self._shown(row) for row in rows if _is_whole(row)}

    async def one(self, ticket_id: str, site: Site) -> Shown:
        """One ticket.

        :raises Gone: it is not there.
        :raises Refused: it is there, and the account is not let see it.
        """
        params = {"fields": ",".join(self._fields), "properties": self._property}
        try:
            issue = await self._client.json("GET", f"{site.api}/issue/{ticket_id}", params=params)
        except Rejected as error:
            if error.reason == "http_404":
                raise Gone from None
            raise
        except AuthFailed as error:
            await self.sign_in(site)
            raise Refused(str(error)) from None
        match issue:
            case {"id": str(identity), "fields": dict()} if identity == ticket_id:
                return self._shown(issue)
        raise Unexpected("Jira's answer is not the issue that was asked for")

    async def sign_in(self, site: Site) -> None:
        """Prove that the credentials still work.

        :raises AuthFailed: they do not.
        """
        await self._client.json("GET", f"{site.api}/myself")

    def _shown(self, issue: Issue) -> Shown:
        fields, properties = issue["fields"], issue.get("properties")
        project = fields.get("project")
        project = project if isinstance(project, dict) else {}
        return Shown(
            project=str(project.get("id") or ""),
            kind=project.get("projectTypeKey"),
            record=properties.get(self._property) if isinstance(properties, dict) else None,
            fields={name: fields.get(name) for name in self._results},
        )


def _is_away(error: RemoteError) -> bool:
    """Whether no ticket is to blame: Jira asks for a pause, or cannot be reached."""
    if isinstance(error, Unavailable):
        return error.retry_after is not None or isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
    return isinstance(error, RateLimited)


def _is_whole(row: Issue) -> bool:
    """Whether a row tells where the ticket lies and what its property holds. Otherwise it proves nothing."""
    fields = row.get("fields")
    project = fields.get("project") if isinstance(fields, dict) else None
    return (
        isinstance(project, dict)
        and isinstance(project.get("id"), str)
        and isinstance(project.get("projectTypeKey"), str)
        and isinstance(row.get("properties"), dict)
    )
