"""Experiences onto their tickets: an issue property for programs, a comment for agents, custom fields for reports.

A target that the ticket or the account does not allow is left out, and the receipt says why.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hub import (
    AuthFailed,
    DeliveryStatus,
    Experience,
    OutcomeUnknown,
    Receipt,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from hub_jira import fields
from hub_jira.client import JiraClient
from hub_jira.comments import Comments
from hub_jira.config import JiraConfig, Target
from hub_jira.job import Forbidden, Gone, Job, NotPossible, attempt
from hub_jira.mapping import SERVICE_DESK
from hub_jira.record import as_record, is_later, revision_in
from hub_jira.site import Site

AT_ONCE = 8
"""How many tickets are written to at the same time."""
MOST_IN_TROUBLE = 2
"""One ticket may be to blame itself; when so many cannot be written to, the others would meet the same."""


class Refused(AuthFailed):
    """The account is let do nothing of what is needed on one ticket. Others may do better.

    :param project: id of the ticket's project, when it is known.
    """

    def __init__(self, message: str, project: str = "") -> None:
        super().__init__(message)
        self.project = project


Outcome = Receipt | RemoteError


class ResultWriter:
    """Writes experiences to the targets that the settings name, in their order."""

    def __init__(self, config: JiraConfig, client: JiraClient) -> None:
        self._config = config
        self._client = client
        comments = Comments(client)
        self._writers = {
            Target.PROPERTY: self._write_property,
            Target.COMMENT: comments.write,
            Target.FIELDS: self._write_fields,
        }

    async def write(self, items: Sequence[Experience]) -> list[Receipt]:
        """Write what is not there yet; one receipt per item, in order.

        :raises RemoteError: nothing of the batch is known to be written. The hub tries again without a limit.
        """
        site = await self._client.site()
        outcomes = await self._certain(await _Batch(self, items, site).run(), site)
        failures = [outcome for outcome in outcomes if isinstance(outcome, RemoteError)]
        if items and len(failures) == len(items) and not await self._is_one_tickets_fault(items, failures[0], site):
            raise failures[0]
        return [
            _again(item, outcome) if isinstance(outcome, RemoteError) else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    async def write_one(self, item: Experience, site: Site) -> Outcome:
        """Write one experience to all targets.

        :returns: an error when nothing was written and it may work later.
        """
        written: list[str] = []
        try:
            before = await self._read(item, site)
            job = _begin(item, site, before)
            record = self._record_in(before)
            if revision_in(record, item) > item.revision:
                return _receipt(job, DeliveryStatus.DELIVERED, "a later revision is on the ticket")
            targets = tuple(dict.fromkeys(self._config.write_back))
            if later := is_later(record, item):  # only comments have room for both
                targets = tuple(target for target in targets if target is Target.COMMENT)
                job.left_out.append("a later answer is on the ticket")
            for target in targets:
                await self._write_to(target, job, written)
            if later and not written:
                return _receipt(job, DeliveryStatus.DELIVERED)
            if job.forbidden == len(targets):
                return Refused("; ".join(job.left_out), job.project)
            return await self._judge(job, written)
        except Gone:
            return Receipt(key=item.id, status=DeliveryStatus.REJECTED, reason="gone")
        except RemoteError as error:
            return _again(item, error, written) if written else error

    async def _write_to(self, target: Target, job: Job, written: list[str]) -> None:
        try:
            await self._writers[target](job)
        except NotPossible as why:
            job.left_out.append(f"no {target}: {why}")
            job.forbidden += isinstance(why, Forbidden)
        else:
            written.append(target.value)

    async def _judge(self, job: Job, written: list[str]) -> Receipt:
        """Read back what Jira did not confirm by its answer."""
        if not written:
            return _receipt(job, DeliveryStatus.FAILED)
        if job.record is not None or job.fields:
            after = await self._read(job.item, job.site)
            shown = after.get("fields", {})
            if job.record is not None and self._record_in(after) != job.record:
                raise Unexpected("the issue property does not read back as it was written")
            lost = [name for name, value in job.fields.items() if not fields.holds(shown.get(name), value)]
            if lost:
                raise Unexpected(f"{', '.join(lost)} does not read back as it was written")
        return _receipt(job, DeliveryStatus.DELIVERED, *written)

    async def _read(self, item: Experience, site: Site) -> dict[str, Any]:
        """The issue itself, not what the search index has of it.

        :raises Gone: it is not there.
        :raises Refused: it is there, and the account is not let see it.
        """
        wanted = ("project", *self._config.result_fields.values())
        params = {"fields": ",".join(wanted), "properties": self._config.property_key}
        try:
            issue = await self._client.json("GET", f"{site.api}/issue/{item.ticket.id}", params=params)
        except Rejected as error:
            if error.reason == "http_404":
                raise Gone from None
            raise
        except AuthFailed as error:
            await self._sign_in(site)
            raise Refused(str(error)) from None
        match issue:
            case {"id": str(identity), "fields": dict()} if identity == item.ticket.id:
                return dict(issue)
        raise Unexpected("Jira's answer is not the issue that was asked for")

    async def _sign_in(self, site: Site) -> None:
        """Prove that the credentials still work.

        :raises AuthFailed: they do not.
        """
        await self._client.json("GET", f"{site.api}/myself")

    async def _certain(self, outcomes: list[Outcome], site: Site) -> list[Outcome]:
        """Withdraw what was given up as gone, if it is the account that is: Jira hides tickets from strangers."""
        given_up = [isinstance(one, Receipt) and one.status is DeliveryStatus.REJECTED for one in outcomes]
        if not any(given_up):
            return outcomes
        try:
            await self._sign_in(site)
        except RemoteError as error:
            return [error if gone else one for one, gone in zip(outcomes, given_up, strict=True)]
        return outcomes

    async def _is_one_tickets_fault(self, items: Sequence[Experience], error: RemoteError, site: Site) -> bool:
        """Whether all that failed is one ticket, which refuses an account that is let write to its project."""
        if len({item.ticket.id for item in items}) > 1 or not isinstance(error, Refused):
            return False
        permission = "ADD_COMMENTS" if set(self._config.write_back) == {Target.COMMENT} else "EDIT_ISSUES"
        params = {"projectId": error.project} if error.project else {}
        if site.cloud:
            params["permissions"] = permission
        match await self._client.json("GET", f"{site.api}/mypermissions", params=params):
            case {"permissions": {**granted}}:
                return _is_granted(granted.get(permission))
        raise Unexpected("Jira's list of permissions cannot be read")

    def _record_in(self, issue: dict[str, Any]) -> Any:
        properties = issue.get("properties")
        return properties.get(self._config.property_key) if isinstance(properties, dict) else None

    async def _write_property(self, job: Job) -> None:
        record = as_record(job.item)
        await attempt(self._client, job, "PUT", f"{job.path}/properties/{self._config.property_key}", json=record)
        job.record = record

    async def _write_fields(self, job: Job) -> None:
        skipped = fields.unusable(self._config.result_fields, job.site)
        wanted = fields.values(job.item, self._config.result_fields, job.site)
        job.left_out += [f"no {name}: {why}" for name, why in skipped.items()]
        if not wanted:
            raise NotPossible("none of the fields can be written")
        try:
            await attempt(self._client, job, "PUT", job.path, params={"notifyUsers": "false"}, json={"fields": wanted})
        except NotPossible:
            if job.site.cloud:
                raise
            # Data Center refuses the whole change to those who may not switch off its mails
            await attempt(self._client, job, "PUT", job.path, json={"fields": wanted})
        job.fields = wanted


class _Batch:
    """Several tickets at once; what concerns one ticket in order."""

    def __init__(self, writer: ResultWriter, items: Sequence[Experience], site: Site) -> None:
        self._writer = writer
        self._items = items
        self._site = site
        self._outcomes: dict[int, Outcome] = {}
        self._in_trouble = 0
        self._stopped: RemoteError | None = None

    async def run(self) -> list[Outcome]:
        """The outcome of each item, in order."""
        by_ticket: defaultdict[str, list[int]] = defaultdict(list)
        for number, item in enumerate(self._items):
            by_ticket[item.ticket.id].append(number)
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for numbers in by_ticket.values():
                tasks.create_task(self._work_off(numbers, slots))
        return [self._outcomes[number] for number in range(len(self._items))]

    async def _work_off(self, numbers: Sequence[int], slots: asyncio.Semaphore) -> None:
        failed: RemoteError | None = None
        async with slots:
            for number in numbers:
                outcome = self._stopped or failed or await self._writer.write_one(self._items[number], self._site)
                self._outcomes[number] = outcome
                if failed is None and isinstance(outcome, AuthFailed | Unavailable | OutcomeUnknown):
                    failed = outcome
                    self._note(outcome)

    def _note(self, error: RemoteError) -> None:
        """Stop when the others would meet the same, and each would wait for it."""
        if isinstance(error, Refused):
            return
        self._in_trouble += 1
        if isinstance(error, AuthFailed) or self._in_trouble >= MOST_IN_TROUBLE:
            self._stopped = error


def _begin(item: Experience, site: Site, before: dict[str, Any]) -> Job:
    project = before["fields"].get("project")
    known = project if isinstance(project, dict) else {}
    kind = known.get("projectTypeKey")
    desk = kind == SERVICE_DESK if isinstance(kind, str) else site.service_management
    return Job(item, site, desk, str(known.get("id") or ""))


def _is_granted(permission: Any) -> bool:
    return isinstance(permission, dict) and permission.get("havePermission") is True


def _receipt(job: Job, status: DeliveryStatus, *what: str) -> Receipt:
    reason = "; ".join([", ".join(what), *job.left_out] if what else job.left_out)
    return Receipt(key=job.item.id, status=status, provider_id=job.comment_id, reason=reason)


def _again(item: Experience, error: RemoteError, written: Sequence[str] = ()) -> Receipt:
    """Not written for certain; the hub calls again later, and what did arrive is found then."""
    reason = f"{', '.join(written)} written, then: {error}" if written else str(error)
    return Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=reason)
