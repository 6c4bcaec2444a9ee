"""The tickets that are written to, as they stand before and afterwards: from Jira itself, not from its search index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from hub import AuthFailed, RateLimited, Rejected, RemoteError, Unavailable, Unexpected
from hub_jira import search
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig
from hub_jira.job import Gone, Refused
from hub_jira.search import MOST_READ, Issue
from hub_jira.site import Site


class Tickets:
    """Reads what the write-back must know of tickets: their project, its property and its fields."""

    def __init__(self, config: JiraConfig, client: JiraClient) -> None:
        self._client = client
        self._fields = ("project", *dict.fromkeys(config.result_fields.values()))
        self._property = config.property_key

    async def several(self, ids: Sequence[str], site: Site) -> Mapping[str, Issue]:
        """Tickets by their ids: those that Jira shows whole in one answer for many. Only Cloud can do that.

        What is missing must be read by itself: only that answer tells whether a ticket is gone or refused.

        :raises RemoteError: reading each by itself would meet the same.
        """
        if not site.cloud or len(ids) < 2:
            return {}
        found: dict[str, Issue] = {}
        for start in range(0, len(ids), MOST_READ):
            found |= await self._at_once(ids[start : start + MOST_READ], site)
        return found

    async def _at_once(self, ids: Sequence[str], site: Site) -> dict[str, Issue]:
        try:
            rows, _ = await search.read(self._client, ids, self._fields, [self._property])
        except AuthFailed:
            await self.sign_in(site)
            return {}
        except RemoteError as error:
            if _is_away(error):
                raise
            return {}  # one ticket on which Jira fails spoils the answer for all, and is not named
        return {row["id"]: row for row in rows if _is_whole(row)}

    async def one(self, ticket_id: str, site: Site) -> Issue:
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
                return dict(issue)
        raise Unexpected("Jira's answer is not the issue that was asked for")

    async def sign_in(self, site: Site) -> None:
        """Prove that the credentials still work.

        :raises AuthFailed: they do not.
        """
        await self._client.json("GET", f"{site.api}/myself")

    def record(self, issue: Issue) -> Any:
        """The property of a ticket; None when it has none."""
        properties = issue.get("properties")
        return properties.get(self._property) if isinstance(properties, dict) else None


def _is_away(error: RemoteError) -> bool:
    """Whether no ticket is to blame: Jira asks for a pause, or cannot be reached."""
    if isinstance(error, Unavailable):
        return error.retry_after is not None or isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
    return isinstance(error, RateLimited)


def _is_whole(row: Issue) -> bool:
    """Whether a row tells where the ticket lies and what its property holds. Otherwise it proves nothing."""
    match row:
        case {"fields": {"project": {"id": str(), "projectTypeKey": str()}}, "properties": dict()}:
            return True
    return False


def project_of(issue: Issue) -> Mapping[str, Any]:
    """The project that a ticket is in, as far as Jira shows it."""
    project = issue["fields"].get("project")
    return project if isinstance(project, dict) else {}
