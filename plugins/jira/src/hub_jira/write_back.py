"""Experiences onto their tickets: an issue property for programs, a comment for agents, custom fields for reports.

A target that the ticket or the account does not allow is left out, and the receipt says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from hub import DeliveryStatus, Experience, Receipt, RemoteError, Unexpected
from hub_jira import fields
from hub_jira.batch import Batch
from hub_jira.client import JiraClient
from hub_jira.comments import Comments
from hub_jira.config import JiraConfig, Target
from hub_jira.job import Forbidden, Gone, Job, NotPossible, Outcome, Refused, again, attempt, gone
from hub_jira.mapping import SERVICE_DESK
from hub_jira.record import as_json, is_later, revision_in
from hub_jira.site import Site
from hub_jira.tickets import Shown, Tickets


class ResultWriter:
    """Writes experiences to the targets that the settings name, in their order."""

    def __init__(self, config: JiraConfig, client: JiraClient) -> None:
        self._config = config
        self._client = client
        self._tickets = Tickets(config, client)
        self._targets = tuple(dict.fromkeys(config.write_back))
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
        batch = Batch(self, items, site, self._config.writes_at_once)
        outcomes = await self._certain(await batch.run(), site)
        failures = [outcome for outcome in outcomes if isinstance(outcome, RemoteError)]
        if items and len(failures) == len(items) and not await self._is_one_tickets_fault(items, failures[0], site):
            raise failures[0]
        return [
            again(item, outcome) if isinstance(outcome, RemoteError) else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    async def show(self, ids: Sequence[str], site: Site) -> Mapping[str, Shown]:
        """See `Tickets.several`."""
        return await self._tickets.several(ids, site)

    async def put(self, item: Experience, site: Site, shown: Shown | None) -> Outcome | Job:
        """Write one experience to all targets.

        :param shown: the ticket before; None when it must be read by itself.
        :returns: a job when what was written has to be read back.
        """
        job: Job | None = None
        try:
            before = shown or await self._tickets.one(item.ticket.id, site)
            job = _begin(item, site, before)
            return await self._write(job, before.record)
        except Gone:
            return gone(item)
        except RemoteError as error:
            return again(item, error, job.written) if job and job.written else error

    async def judge(self, job: Job, shown: Shown | None) -> Outcome:
        """Read back what Jira did not confirm by its answer.

        :param shown: the ticket afterwards; None when it must be read by itself. That is also done where this one does
            not hold what was written: for a refusal the ticket itself must speak.
        """
        lost = "" if shown is None else self._lost(job, shown)
        if shown is None or lost:
            try:
                lost = self._lost(job, await self._tickets.one(job.item.ticket.id, job.site))
            except Gone:
                return gone(job.item)
            except RemoteError as error:
                return error
        if lost:
            return Unexpected(f"{lost} does not read back as it was written")
        return job.receipt(DeliveryStatus.DELIVERED, *job.written)

    async def _write(self, job: Job, record: Any) -> Outcome | Job:
        if revision_in(record, job.item) > job.item.revision:
            return job.receipt(DeliveryStatus.DELIVERED, "a later revision is on the ticket")
        targets = self._targets
        if later := is_later(record, job.item):  # only comments have room for both
            targets = tuple(target for target in targets if target is Target.COMMENT)
            job.left_out.append("a later answer is on the ticket")
        for target in targets:
            await self._write_to(target, job)
        if later and not job.written:
            return job.receipt(DeliveryStatus.DELIVERED)
        if job.forbidden == len(targets):
            return Refused("; ".join(job.left_out), job.project)
        if not job.written:
            return job.receipt(DeliveryStatus.FAILED)
        return job if job.record is not None or job.fields else job.receipt(DeliveryStatus.DELIVERED, *job.written)

    async def _write_to(self, target: Target, job: Job) -> None:
        try:
            await self._writers[target](job)
        except NotPossible as why:
            job.left_out.append(f"no {target}: {why}")
            job.forbidden += isinstance(why, Forbidden)
        else:
            job.written.append(target.value)

    def _lost(self, job: Job, shown: Shown) -> str:
        """What of the job is not on the ticket; empty when all is."""
        if job.record is not None and shown.record != from_json(job.record):
            return "the issue property"
        return ", ".join(name for name, value in job.fields.items() if not fields.holds(shown.fields.get(name), value))

    async def _certain(self, outcomes: list[Outcome], site: Site) -> list[Outcome]:
        """Withdraw what was given up as gone, if it is the account that is: Jira hides tickets from strangers."""
        given_up = [isinstance(one, Receipt) and one.status is DeliveryStatus.REJECTED for one in outcomes]
        if not any(given_up):
            return outcomes
        try:
            await self._tickets.sign_in(site)
        except RemoteError as error:
            return [error if gone else one for one, gone in zip(outcomes, given_up, strict=True)]
        return outcomes

    async def _is_one_tickets_fault(self, items: Sequence[Experience], error: RemoteError, site: Site) -> bool:
        """Whether all that failed is one ticket, which refuses an account that is let write to its project."""
        if len({item.ticket.id for item in items}) > 1 or not isinstance(error, Refused):
            return False
        permission = "ADD_COMMENTS" if set(self._targets) == {Target.COMMENT} else "EDIT_ISSUES"
        params = {"projectId": error.project} if error.project else {}
        if site.cloud:
            params["permissions"] = permission
        match await self._client.json("GET", f"{site.api}/mypermissions", params=params):
            case {"permissions": {**granted}}:
                return _is_granted(granted.get(permission))
        raise Unexpected("Jira's list of permissions cannot be read")

    async def _write_property(self, job: Job) -> None:
        record = as_json(job.item)
        await attempt(self._client, job, "PUT", f"{job.path}/properties/{self._config.property_key}", content=record)
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


def _begin(item: Experience, site: Site, before: Shown) -> Job:
    desk = before.kind == SERVICE_DESK if isinstance(before.kind, str) else site.service_management
    return Job(item, site, desk, before.project)


def _is_granted(permission: Any) -> bool:
    return isinstance(permission, dict) and permission.get("havePermission") is True
