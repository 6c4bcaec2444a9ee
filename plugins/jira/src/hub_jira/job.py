"""One experience on its way onto its ticket, and what the targets have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from hub import Experience, OutcomeUnknown, Rejected, Unavailable
from hub_jira.client import JiraClient
from hub_jira.site import Site


class NotPossible(Exception):
    """The ticket or the account does not allow this target. The message says why, for the operator."""


class Forbidden(NotPossible):
    """The account is not let do this, here or everywhere."""


class Gone(Exception):
    """The ticket was deleted, or is hidden from the account; Jira does not tell which."""


@dataclass(slots=True)
class Job:
    """What is known of the ticket and done to it."""

    item: Experience
    site: Site
    desk: bool
    """Whether the ticket is in a project of Jira Service Management."""
    project: str = ""
    """Id of the project that the ticket is in now."""
    record: Any = None
    """The property as it was written, or None."""
    fields: dict[str, Any] = field(default_factory=dict)
    """The custom fields as they were written, by id."""
    left_out: list[str] = field(default_factory=list)
    """What was not written, and why."""
    forbidden: int = 0
    """How many targets the account is not let write to."""
    comment_id: str | None = None

    @property
    def path(self) -> str:
        """The issue on the platform API. By its id, which stays when the issue moves."""
        return f"{self.site.api}/issue/{self.item.ticket.id}"


async def attempt(client: JiraClient, job: Job, method: str, path: str, **what: Any) -> httpx.Response:
    """Send what one target needs of the ticket.

    :raises Forbidden: the account may not do it.
    :raises NotPossible: Jira refuses it for this ticket.
    :raises Gone: there is no such ticket any more.
    :raises OutcomeUnknown: no answer says whether it was carried out.
    :raises RemoteError: it may work later.
    """
    try:
        response = await client.request(method, path, issue=job.item.ticket.id, accept=(403,), **what)
    except Rejected as error:
        if error.reason == "http_404":
            raise Gone from None
        raise NotPossible(str(error)) from None
    except Unavailable as error:
        if method != "PUT" or error.__cause__ is None:
            raise  # nothing was carried out, or Jira has answered that it cannot be now
        raise OutcomeUnknown(str(error)) from error
    if response.status_code == 403:
        raise Forbidden("the account may not do this on this ticket")
    return response
