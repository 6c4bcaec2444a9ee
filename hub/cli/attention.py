"""What an operator should know of: what fails, what waits too long, what nobody does; and what to do about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from hub.daemon.roles import Role
from hub.journey.overview import Overview, Queue
from hub.store.components import ComponentState
from hub.store.workers import Worker

SILENT_AFTER = timedelta(seconds=60)
"""A worker gives a sign of life every 5 s. Twelve times that bears clocks that differ a little."""
BEARABLE = timedelta(minutes=10)
"""A failure that usually ends by itself needs nobody for so long."""
WARNING_SHOWN = timedelta(days=1)
_START_UP = timedelta(minutes=1)
_STALLED_AFTER = timedelta(minutes=15)

_PARTS = {
    "": "fetch",
    "send": "send",
    "write": "write results",
    "hints": "follow webhooks",
    "census": "look for what it missed",
    "milestones": "look for tickets that were handed over or wait",
    "reread": "ask whether tickets are still closed",
    "look_up": "look up what may have left",
}
"""What a loop does, by the end of its id."""
_PASSING = ("RateLimited", "Unavailable", "OutcomeUnknown")
_ADVICE = {
    "AuthFailed": "check the credentials and rights in [{id}], then prove them with: hub check",
    "RateLimited": "nothing, it goes on by itself; if it comes often, lower rate in [{id}]",
    "Unavailable": "see whether the other side is up and reachable: hub check",
    "OutcomeUnknown": "see whether the other side is up and answers in time: hub check",
    "PluginError": "see what is wrong with the plugin: hub plugins list",
    "ConfigError": "correct it in [{id}], then prove it with: hub check",
    "store": "do what it says; the hub then goes on by itself",
    "fault": "report it with the lines of the log that say component.failing",
}
_IDLE_ADVICE = "nothing waits for it, and the next thing to do shows whether it works again; or ask: hub check"
_DUTIES = {
    Role.PULL: "no source is pulled",
    Role.JOURNEY: "no ticket is decided on and no answer is read",
    Role.DELIVER: "no survey is sent",
    Role.WRITE: "no result is written",
    Role.WEB: "no page and no webhook is served",
}
"""What is left undone when no worker has a role."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is judged."""

    enabled: Mapping[str, timedelta]
    """The components that should be at work, by id, and how often each is looked at."""
    now: datetime
    overview: Overview
    components: Mapping[str, ComponentState]
    workers: Sequence[Worker]
    uncomposed: Mapping[str, int] = field(default_factory=dict)
    """Messages of the window that could not be made, by gateway."""
    running: str | None = None
    """The process number of the daemon that holds an SQLite store, whether it gives a sign of life or not."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that is not as it should be."""

    kind: str
    """A stable name, for scripts."""
    about: str
    """The id of a component, the name of a worker, or "hub"."""
    what: str
    """Goes on from `about`, as a sentence."""
    do: str
    """The next command or setting."""
    needs_you: bool
    """False for what is good to know, or passes by itself."""
    since: datetime | None = None
    until: datetime | None = None
    """When it is tried again."""
    count: int | None = None


def concerns(facts: Facts) -> list[Concern]:
    """Everything an operator should know of, what needs them first."""
    found = [
        *_nobody_works(facts),
        *_roles_nobody_has(facts),
        *_failing(facts),
        *_never_ran(facts),
        *_stalled(facts),
        *_overdue(facts),
        *_doubts(facts),
        *_doubtful_follow_ups(facts),
        *_held(facts),
        *_uncomposed(facts),
        *_paused(facts),
        *_mostly_failed(facts),
        *_failed_results(facts),
        *_silent_workers(facts),
        *_warnings(facts),
        *_unmatched(facts),
    ]
    return sorted(found, key=lambda concern: not concern.needs_you)


def is_silent(worker: Worker, now: datetime) -> bool:
    """Whether a worker on the list has given no sign of life for long."""
    return now - worker.seen_at > SILENT_AFTER


def _alive(facts: Facts) -> list[Worker]:
    return [worker for worker in facts.workers if not is_silent(worker, facts.now)]


def _nobody_works(facts: Facts) -> Iterator[Concern]:
    if _alive(facts):
        return
    last = max((worker.seen_at for worker in facts.workers), default=None)
    seen = facts.overview
    waiting = {
        "closures to decide on": seen.undecided.waiting,
        "surveys": sum(queue.waiting for queue in seen.surveys.values()),
        "answers": seen.unread.waiting,
        "results": sum(queue.waiting for queue in seen.results.values()),
    }
    text, do = "no worker runs", "start one: hub run"
    if facts.running is not None:
        text = f"the hub with process number {facts.running} runs and gives no sign of life"
        do = "see its log; most often the store cannot be written"
    text += _waits([f"{count:,} {what}" for what, count in waiting.items() if count])
    yield Concern("no_worker", "hub", text, do, needs_you=True, since=last)


def _roles_nobody_has(facts: Facts) -> Iterator[Concern]:
    alive = _alive(facts)
    held = {role for worker in alive for role in worker.roles}
    for role, undone in _DUTIES.items():
        if alive and role not in held:
            text = f"no worker has the role {role}: {undone}"
            yield Concern("no_role", "hub", text, f"start one: hub run --roles {role}", needs_you=True)


def _failing(facts: Facts) -> Iterator[Concern]:
    """One for each component and error, however many of its loops fail with it."""

    def cause(state: ComponentState) -> tuple[str, str]:
        return state.id.partition(":")[0], state.error or ""

    failing = [state for state in facts.components.values() if state.error is not None]
    for (id_, error), group in groupby(sorted(failing, key=cause), key=cause):
        states = list(group)
        since = min(filter(None, (state.failing_since for state in states)), default=facts.now)
        kind = states[0].error_kind or ""
        passing = kind in _PASSING and facts.now - since < BEARABLE
        idle = all(_has_nothing_to_do(facts, state) for state in states)
        parts = _listed([_PARTS.get(state.id.partition(":")[2], state.id) for state in states])
        what = f"cannot {parts}: {error}" if id_ != "hub" else f"the work between the components fails: {error}"
        yield Concern(
            "failing",
            id_,
            what + _waits([text for state in states if (text := _queue(facts, state.id))]),
            _IDLE_ADVICE if idle else _ADVICE.get(kind, "see what it needs: hub check").format(id=id_),
            needs_you=not (passing or idle),
            since=since,
            until=min((at for state in states if (at := state.retry_at) and at > facts.now), default=None),
            count=max(state.failures for state in states),
        )


def _has_nothing_to_do(facts: Facts, state: ComponentState) -> bool:
    """Whether a loop failed and has had nothing since to show that it works again."""
    is_outgoing = state.id.endswith((":send", ":write"))
    return is_outgoing and state.retry_at is not None and state.retry_at < facts.now and not _queue(facts, state.id)


def _never_ran(facts: Facts) -> Iterator[Concern]:
    if all(facts.now - worker.started_at < _START_UP for worker in _alive(facts)):
        return
    ran = {id_.partition(":")[0] for id_ in facts.components}
    for id_ in facts.enabled:
        if id_ not in ran:
            text = "has never run, although a worker does"
            advice = "if it is new in hub.toml, load it: systemctl reload hub (SIGHUP); else see the log"
            yield Concern("never_ran", id_, text, advice, needs_you=True)


def _stalled(facts: Facts) -> Iterator[Concern]:
    """Sources that nobody has read for long, although nothing fails: a worker hangs in a plugin, or holds on to one."""
    for id_, interval in facts.enabled.items():
        state, patience = facts.components.get(id_), _STALLED_AFTER + 3 * interval
        if not id_.startswith("sources.") or state is None or state.error is not None or state.last_ok_at is None:
            continue
        pullers = [worker for worker in _alive(facts) if Role.PULL in worker.roles]
        had_time = any(facts.now - worker.started_at > patience for worker in pullers)
        if had_time and facts.now - state.last_ok_at > patience:
            text = "has not been read for long, although nothing fails"
            do = "a worker hangs or has much to read: see the log, and restart it if nothing moves"
            yield Concern("stalled", id_, text, do, needs_you=True, since=state.last_ok_at)


def _overdue(facts: Facts) -> Iterator[Concern]:
    """What waits too long although nothing says why: failures and missing workers explain themselves."""
    if not _alive(facts):
        return
    fails = {state.id for state in facts.components.values() if state.error is not None}
    blocked = any(id_.endswith(":reread") for id_ in fails)
    for name, queue in facts.overview.surveys.items():
        id_ = f"gateways.{name}"
        if not (blocked or f"{id_}:send" in fails):
            advice = f"it takes less than comes in: raise rate or max_in_flight in [{id_}], or start another hub run"
            yield from _late(id_, queue, "surveys", advice if id_ in facts.enabled else _switch_on(id_))
    for id_, queue in facts.overview.results.items():
        if f"{id_}:write" not in fails:
            advice = "see why with hub why TICKET; a target that refuses one result is asked again ever more rarely"
            yield from _late(id_, queue, "results", advice if id_ in facts.enabled else _switch_on(id_))
    if "hub" not in fails:
        behind = "the hub is behind: see the log for component hub, or start another hub run"
        yield from _late("hub", facts.overview.undecided, "closures to decide on", behind)
        yield from _late("hub", facts.overview.unread, "answers to read", behind)


def _switch_on(id_: str) -> str:
    return f"it is switched off or gone: set enabled = true in [{id_}], or leave them"


def _late(id_: str, queue: Queue, what: str, advice: str) -> Iterator[Concern]:
    if queue.overdue:
        text = f"has {queue.overdue:,} {what} overdue"
        yield Concern("overdue", id_, text, advice, needs_you=True, since=queue.oldest, count=queue.overdue)


def _doubts(facts: Facts) -> Iterator[Concern]:
    for doubt in facts.overview.doubts:
        yield Concern(
            "unknown",
            f"gateways.{doubt.gateway}",
            f"{_number(doubt.count, 'survey')} may have left or not ({doubt.reason})",
            "wait for a report or a reply, or decide: hub invitations list --state unknown",
            needs_you=True,
            since=doubt.since,
            count=doubt.count,
        )


def _doubtful_follow_ups(facts: Facts) -> Iterator[Concern]:
    for gateway, states in facts.overview.follow_ups.items():
        if count := states.get("unknown", 0):
            text = f"{_number(count, 'further message')} to customers may have left or not"
            do = "nothing: these conversations end there, or go on with a reply"
            yield Concern("unknown_follow_ups", f"gateways.{gateway}", text, do, needs_you=False, count=count)


def _held(facts: Facts) -> Iterator[Concern]:
    if count := facts.overview.held.waiting:
        text = f"{_number(count, 'answer')} may be a machine's, and {'is' if count == 1 else 'are'} held back"
        do = "look, and decide with confirm or reject: hub answers list --held"
        since = facts.overview.held.oldest
        yield Concern("held_answers", "hub", text, do, needs_you=True, since=since, count=count)


def _uncomposed(facts: Facts) -> Iterator[Concern]:
    for gateway, count in facts.uncomposed.items():
        text = f"{_number(count, 'message')} could not be written, so nobody got {'it' if count == 1 else 'them'}"
        do = (
            "see survey.cannot_compose in the log, and report it; whom it concerns: hub invitations list --state failed"
        )
        yield Concern("cannot_compose", f"gateways.{gateway}", text, do, needs_you=True, count=count)


def _mostly_failed(facts: Facts) -> Iterator[Concern]:
    """Gateways that work, and whose messages still do not arrive."""
    asked, follow_ups = facts.overview.asked, facts.overview.follow_ups
    for gateway in sorted(asked.keys() | follow_ups.keys()):
        states = Counter(asked.get(gateway, {})) + Counter(follow_ups.get(gateway, {}))
        failed = states["failed"] - facts.uncomposed.get(gateway, 0)
        tried = failed + states["sent"] + states["delivered"]
        if failed * 2 > tried:
            text = f"{failed:,} of {_number(tried, 'message')} failed"
            do = "see the reasons: hub invitations list --state failed"
            yield Concern("failed_surveys", f"gateways.{gateway}", text, do, needs_you=False, count=failed)


def _paused(facts: Facts) -> Iterator[Concern]:
    for pause in facts.overview.paused:
        what = "asked to be left alone" + (f" ({pause.reason})" if pause.reason else "")
        do = "nothing, it goes on by itself; if it comes often, lower rate in its table of hub.toml"
        yield Concern("paused", pause.service, what, do, needs_you=False, until=pause.until)


def _failed_results(facts: Facts) -> Iterator[Concern]:
    for target, states in facts.overview.written.items():
        if failed := states.get("failed", 0):
            text = f"refused {_number(failed, 'result')} for good"
            yield Concern("failed_results", target, text, "see: hub why TICKET", needs_you=False, count=failed)


def _silent_workers(facts: Facts) -> Iterator[Concern]:
    if not _alive(facts):
        return
    for worker in facts.workers:
        if is_silent(worker, facts.now):
            text = "gives no sign of life; the others take over its work"
            advice = "see its machine; if it runs, its clock is behind"
            yield Concern("silent_worker", worker.name, text, advice, needs_you=False, since=worker.seen_at)


def _warnings(facts: Facts) -> Iterator[Concern]:
    for state in facts.components.values():
        if state.warning and state.warned_at and facts.now - state.warned_at <= WARNING_SHOWN:
            do = "see the page of its plugin"
            yield Concern("warning", state.id, state.warning, do, needs_you=False, since=state.warned_at)


def _unmatched(facts: Facts) -> Iterator[Concern]:
    for gateway, states in facts.overview.received.items():
        if count := states.get("unmatched", 0):
            text = f"{_number(count, 'answer')} {'belongs' if count == 1 else 'belong'} to no survey"
            them, calls = ("it", "it may be a call") if count == 1 else ("them", "they may be calls")
            do = f"read {them}, {calls} for help: hub answers list --unmatched"
            yield Concern("unmatched", f"gateways.{gateway}", text, do, needs_you=False, count=count)


def _queue(facts: Facts, loop_id: str) -> str:
    """What waits for a loop."""
    id_, _, part = loop_id.partition(":")
    if part == "send" and (queue := facts.overview.surveys.get(id_.removeprefix("gateways."))):
        return _number(queue.waiting, "survey")
    if part == "write" and (queue := facts.overview.results.get(id_)):
        return _number(queue.waiting, "result")
    return ""


def _waits(parts: Sequence[str]) -> str:
    return f"; waiting: {_listed(parts)}" if parts else ""


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
