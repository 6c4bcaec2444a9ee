"""Experiences onto their tickets: an issue property for programs, a comment for agents, custom fields for reports.

The property is written before the comment and names the same revision, so it tells whether the comment may be there
already. A target that the ticket or the account does not allow is left out, and the receipt says why.
"""

from __future__ import annotations

import asyncio
import json
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
from hub_jira.job import Gone, Job, NotPossible, attempt
from hub_jira.mapping import SERVICE_DESK
from hub_jira.site import Site

AT_ONCE = 8
"""How many tickets are written to at the same time."""
LONGEST_PROPERTY = 32_768
"""Characters of JSON that an issue property holds."""
RECORD_VERSION = 1

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

        :raises RemoteError: nothing of the batch was written.
        """
        site = await self._client.site()
        outcomes = await _Batch(self, items, site).run()
        failures = [outcome for outcome in outcomes if isinstance(outcome, RemoteError)]
        if len(failures) == len(items) and not any(isinstance(error, OutcomeUnknown) for error in failures):
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
            job = self._begin(item, site, before)
            if _revision(self._record_in(before), item) > item.revision:
                return _receipt(job, DeliveryStatus.DELIVERED, "a later revision is on the ticket")
            for target in dict.fromkeys(self._config.write_back):
                await self._write_to(target, job, written)
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
        """
        wanted = ("project", *self._config.result_fields.values())
        params = {"fields": ",".join(wanted), "properties": self._config.property_key}
        try:
            issue = await self._client.json("GET", f"{site.api}/issue/{item.ticket.id}", params=params)
        except Rejected as error:
            if error.reason == "http_404":
                raise Gone from None
            raise
        match issue:
            case {"id": str(identity), "fields": dict()} if identity == item.ticket.id:
                return dict(issue)
        raise Unexpected("Jira's answer is not the issue that was asked for")

    def _begin(self, item: Experience, site: Site, before: dict[str, Any]) -> Job:
        project = before["fields"].get("project")
        kind = project.get("projectTypeKey") if isinstance(project, dict) else None
        desk = kind == SERVICE_DESK if isinstance(kind, str) else site.service_management
        return Job(item, site, desk, fresh=self._journal_says_new(item, before))

    def _journal_says_new(self, item: Experience, before: dict[str, Any]) -> bool:
        """Whether the property proves that this revision has no comment yet.

        It does not when it belongs to another experience: that may have replaced the one of this revision.
        """
        targets = [*self._config.write_back, Target.COMMENT]
        if Target.PROPERTY not in targets[: targets.index(Target.COMMENT)]:
            return False
        record = self._record_in(before)
        return record is None or 0 < _revision(record, item) < item.revision

    def _record_in(self, issue: dict[str, Any]) -> Any:
        properties = issue.get("properties")
        return properties.get(self._config.property_key) if isinstance(properties, dict) else None

    async def _write_property(self, job: Job) -> None:
        record = as_record(job.item)
        path = f"{job.path}/properties/{self._config.property_key}"
        try:
            await attempt(self._client, job, "PUT", path, json=record)
        except NotPossible:
            job.fresh = False  # without the journal a comment must be looked for
            raise
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
        async with slots:
            for number in numbers:
                outcome = self._stopped or await self._writer.write_one(self._items[number], self._site)
                self._outcomes[number] = outcome
                if isinstance(outcome, AuthFailed | Unavailable):
                    self._stopped = outcome  # the others would meet the same, and each would wait for it


def as_record(item: Experience) -> dict[str, Any]:
    """The value of the property. A comment that makes it too long for Jira is shortened."""
    record = {"v": RECORD_VERSION, **item.model_dump(mode="json")}
    comment = (item.comment or "")[:LONGEST_PROPERTY]
    while (excess := _length(record) - LONGEST_PROPERTY) > 0 and comment:
        comment = comment[: -max(1, excess // 6)]  # a character takes up to six in JSON
        record["comment"] = f"{comment}…"
    return record


def _length(record: dict[str, Any]) -> int:
    """As Jira counts: emoji count twice."""
    return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le")) // 2


def _revision(record: Any, item: Experience) -> int:
    """Which revision of this experience a property holds; 0 for none."""
    match record:
        case {"id": item.id, "revision": int(revision)}:
            return revision
    return 0


def _receipt(job: Job, status: DeliveryStatus, *what: str) -> Receipt:
    reason = "; ".join([", ".join(what), *job.left_out] if what else job.left_out)
    return Receipt(key=job.item.id, status=status, provider_id=job.comment_id, reason=reason)


def _again(item: Experience, error: RemoteError, written: Sequence[str] = ()) -> Receipt:
    """Not written for certain; the hub calls again later, and what did arrive is found then."""
    reason = f"{', '.join(written)} written, then: {error}" if written else str(error)
    return Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=reason)
