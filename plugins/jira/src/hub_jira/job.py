"""One experience on its way onto its ticket, what the targets have in common, and how it can end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from hub import AuthFailed, DeliveryStatus, Experience, OutcomeUnknown, Receipt, Rejected, RemoteError, Unavailable
from hub_jira.client import JiraClient
from hub_jira.site import Site

Outcome = Receipt | RemoteError
"""How the writing of one experience ended. An error: nothing was written, and it may work later."""


class NotPossible(Exception):
    """The ticket or the account does not allow this target. The message says why, for the operator."""


class Forbidden(NotPossible):
    """The account is not let do this, here or everywhere."""


class Gone(Exception):
    """The ticket was deleted, or is hidden from the account; Jira does not tell which."""


class Refused(AuthFailed):
    """The account is let do nothing of what is needed on one ticket. Others may do better.

    :param project: id of the ticket's project, when it is known.
    """

    def __init__(self, message: str, project: str = "") -> None:
        super().__init__(message)
        self.project = project


@dataclass(slots=True)
class Job:
    """What is known of the ticket and done to it."""

    item: Experience
    site: Site
    desk: bool
    """Whether the ticket is in a project of Jira Service Management."""
    project: str = ""
    """Id of the project that the ticket is in now."""
    record: bytes | None = None
    """The property as it was written, in JSON."""
    fields: dict[str, Any] = field(default_factory=dict)
    """The custom fields as they were written, by id."""
    written: list[str] = field(default_factory=list)
    """The targets that took it."""
    left_out: list[str] = field(default_factory=list)
    """What was not written, and why."""
    forbidden: int = 0
    """How many targets the account is not let write to."""
    comment_id: str | None = None

    @property
    def path(self) -> str:
        """The issue on the platform API. By its id, which stays when the issue moves."""
        return f"{self.site.api}/issue/{self.item.ticket.id}"

    def receipt(self, status: DeliveryStatus, *what: str) -> Receipt:
        """The receipt, with what was written and what was left out as its reason."""
        reason = "; ".join([", ".join(what), *self.left_out] if what else self.left_out)
        return Receipt(key=self.item.id, status=status, provider_id=self.comment_id, reason=reason)


def again(item: Experience, error: RemoteError, written: Sequence[str] = ()) -> Receipt:
    """Not written for certain; the hub calls again later, and what did arrive is found then."""
    reason = f"{', '.join(written)} written, then: {error}" if written else str(error)
    return Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=reason)


def gone(item: Experience) -> Receipt:
    """There is no ticket to write to any more."""
    return Receipt(key=item.id, status=DeliveryStatus.REJECTED, reason="gone")


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
