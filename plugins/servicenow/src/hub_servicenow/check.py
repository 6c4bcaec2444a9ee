"""What `hub check` proves about an instance, without changing anything on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub import CheckResult, Context, RemoteError
from hub_servicenow.check_targets import check_target
from hub_servicenow.client import Row, ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.guard import Findings, Guard
from hub_servicenow.mapping import ALWAYS, REQUIRED, TicketMapping
from hub_servicenow.query import joined

_SAMPLE = 25


async def check_instance(client: ServiceNowClient, config: ServiceNowConfig, context: Context) -> list[CheckResult]:
    """Sign in, read the table, prove every name in hub.toml, and look at each place for answers."""
    mapping = TicketMapping(config)
    query = joined(mapping.query, "ORDERBYDESCsys_updated_on", "ORDERBYsys_id")
    try:
        fields = (*ALWAYS, "reopen_count", *mapping.closing_times)
        found = await client.rows(config.table, query=query, fields=fields, limit=_SAMPLE, required=REQUIRED)
        everything = await client.count(config.table, mapping.query)
        findings = await Guard(config, client, context.clock).look()
    except RemoteError as error:
        return [CheckResult(f"read table {config.table}", ok=False, detail=str(error))]
    tickets = [row["sys_id"] for row in found.records]
    return [
        CheckResult("sign in", ok=True, detail=_who(config)),
        _visible(config.table, len(tickets), min(found.total, _SAMPLE), everything),
        *_names(findings),
        _closings(mapping, found.records),
        _states(mapping.closed_states, findings.states),
        *[await check_target(name, client, config, tickets) for name in config.write_back],
        _push(config, context),
    ]


def _who(config: ServiceNowConfig) -> str:
    if config.oauth is not None:
        return f"{config.url} with an OAuth token (grant {config.oauth.grant})"
    return f"{config.url} with {'an API key' if config.api_key is not None else 'user name and password'}"


def _visible(table: str, seen: int, expected: int, everything: int) -> CheckResult:
    """Compare a page of the newest rows with what it should hold: limits count rows before access rules do."""
    what = f"read table {table}"
    if seen < expected:
        hidden = f"{expected - seen} of the newest {expected} closed tickets are hidden from the account"
        return CheckResult(what, ok=False, detail=f"{hidden}; give it a role that reads them, or narrow 'filter'")
    return CheckResult(what, ok=True, detail=f"{everything} closed tickets; the newest {seen} are all visible")


def _names(findings: Findings) -> list[CheckResult]:
    """What the guard found. No row is pulled while one of its problems is there."""
    what = "fields and filter"
    if findings.problems:
        return [CheckResult(what, ok=False, detail=problem) for problem in findings.problems]
    proof = "sys_dictionary knows them all"
    if not findings.dictionary_readable:
        proof = "proven by counting rows, because the account cannot read all of sys_dictionary"
    if findings.unproven:
        names = ", ".join(findings.unproven)
        return [CheckResult(what, ok=True, detail=f"{proof}; except {names}: proven when the table has rows")]
    return [CheckResult(what, ok=True, detail=proof)]


def _closings(mapping: TicketMapping, rows: Sequence[Row]) -> CheckResult:
    """How one closing is told from the next, and when it was."""
    what = "closings"
    times = " or ".join(mapping.closing_times)
    if untimed := sum(mapping.closed_at(row) is None for row in rows):
        detail = (
            f"{untimed} of the newest {len(rows)} closed tickets have no readable {times}, so their customers are not"
        )
        return CheckResult(what, ok=untimed < len(rows), detail=f"{detail} asked; may the account read it?")
    if not mapping.counts_reopenings:
        return CheckResult(what, ok=True, detail=f"told from each other by {times}")
    if not rows or any(row.get("reopen_count") for row in rows):
        return CheckResult(what, ok=True, detail="told from each other by reopen_count")
    return CheckResult(what, ok=True, detail=f"reopen_count is missing or not readable, so {times} tells them apart")


def _states(surveyed: Sequence[str], labels: Mapping[str, str] | None) -> CheckResult:
    what = "states"
    if labels is None:
        listed = ", ".join(surveyed)
        return CheckResult(
            what, ok=True, detail=f"{listed} are surveyed; their labels cannot be shown: sys_choice is not readable"
        )
    named = ", ".join(f"{value} {labels.get(value, '(unknown)')}" for value in surveyed)
    others = ", ".join(f"{value} {label}" for value, label in sorted(labels.items()) if value not in surveyed)
    known = all(value in labels for value in surveyed)
    return CheckResult(what, ok=known, detail=f"{named} are surveyed; not: {others or 'none'}")


def _push(config: ServiceNowConfig, context: Context) -> CheckResult:
    if config.push_secret is None:
        return CheckResult("push", ok=True, detail="no 'push_secret': closings are found by polling alone")
    return CheckResult("push", ok=True, detail=f"a business rule may call {context.hook_url}")
