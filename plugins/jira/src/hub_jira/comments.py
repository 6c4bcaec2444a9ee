"""The comment for agents. Never where a customer sees it, and never twice."""

from __future__ import annotations

from typing import Any

from hub import OutcomeUnknown, RemoteError, Unexpected
from hub_jira import answers, wording
from hub_jira.client import JiraClient
from hub_jira.job import Forbidden, Gone, Job, NotPossible, attempt
from hub_jira.site import SERVICE_DESK_API

PAGE = 100
MOST_PAGES = 100
INTERNAL = {"key": "sd.public.comment", "value": {"internal": True}}
"""Keeps a comment from customers also when the ticket moves to a service desk at this very moment."""


class Comments:
    """Writes one comment for each revision of an experience.

    Jira Service Management has a call of its own: what comes by the other one is public there unless told otherwise.
    """

    def __init__(self, client: JiraClient) -> None:
        self._client = client
        self._leaking = False

    async def write(self, job: Job) -> None:
        """Write the comment, unless it is there.

        :raises OutcomeUnknown: it may or may not be there, so it must be looked for before it is written again.
        """
        if job.desk and not job.site.agent_licence:
            raise Forbidden("the account is not an agent of Jira Service Management and could only comment in public")
        if self._leaking:
            raise NotPossible("Jira showed an earlier internal comment to the customer, so none is written any more")
        if await self._is_there(job):  # always: what the property says of earlier attempts proves nothing
            return
        try:
            job.comment_id = await (self._post_to_desk(job) if job.desk else self._post(job))
        except (OutcomeUnknown, Unexpected):
            if not await self._is_there(job):  # it may still be on its way: the next call looks again before it writes
                raise

    async def _post(self, job: Job) -> str:
        body = wording.as_document(job.item) if job.site.cloud else wording.as_wiki(job.item)
        comment = {"body": body, "properties": [INTERNAL]}
        response = await attempt(self._client, job, "POST", f"{job.path}/comment", json=comment, once=True)
        return _id(answers.value(response))

    async def _post_to_desk(self, job: Job) -> str:
        path = f"rest/{SERVICE_DESK_API}/request/{job.item.ticket.id}/comment"
        comment = {"body": wording.as_wiki(job.item), "public": False}
        try:
            response = await attempt(self._client, job, "POST", path, json=comment, once=True)
        except Gone:  # the ticket was there a moment ago
            raise NotPossible("the ticket is no request of the service desk's portal") from None
        written = answers.value(response)
        identity = _id(written)
        if written.get("public") is not False:
            await self._withdraw(job, identity)
        return identity

    async def _withdraw(self, job: Job, identity: str) -> None:
        self._leaking = True
        try:
            await attempt(self._client, job, "DELETE", f"{job.path}/comment/{identity}")
        except (RemoteError, NotPossible, Gone):
            raise NotPossible(f"Jira made comment {identity} public: delete it by hand") from None
        raise NotPossible("Jira made the comment public, so it was deleted again")

    async def _is_there(self, job: Job) -> bool:
        for page in range(MOST_PAGES):
            start = page * PAGE
            params = {"orderBy": "-created", "startAt": str(start), "maxResults": str(PAGE)}
            response = await attempt(self._client, job, "GET", f"{job.path}/comment", params=params)
            match answers.value(response):
                case {"comments": list(comments), "total": int(total)}:
                    found = next((one for one in comments if _is_of(one, job)), None)
                case _:
                    raise Unexpected("Jira's list of comments cannot be read")
            if found is not None:
                job.comment_id = str(found.get("id"))
                return True
            if not comments or start + len(comments) >= total:
                return False
        raise Unexpected("Jira's list of comments does not end")


def _is_of(comment: Any, job: Job) -> bool:
    return isinstance(comment, dict) and wording.is_of(comment.get("body"), job.item)


def _id(comment: Any) -> str:
    match comment:
        case {"id": str(identity)} if identity.isdecimal():
            return identity
    raise Unexpected("Jira's answer to a new comment cannot be read")
