"""From a row of a task table to a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from hub import Customer, Milestone, Ticket, Unexpected
from hub_servicenow.client import Row
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.query import joined, one_of, parse_filter
from hub_servicenow.tables import TABLES

REQUIRED = ("sys_id", "state", "sys_updated_on")
"""Fields without which a row is not understood."""
ALWAYS = (*REQUIRED, "number")

_WIRE_FORMAT = "%Y-%m-%d %H:%M:%S"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATIONS = ("business_stc", "business_duration", "calendar_stc", "calendar_duration")  # without closed hours first
_FIRST_RESPONSE = "first_response_time"
_OF_OPEN: Mapping[Milestone, tuple[str, ...]] = {
    Milestone.HANDED_OVER: ("active", "reassignment_count"),
    Milestone.WAITING: ("active", "opened_at"),
}
"""Fields that tell what an open ticket has reached."""
_LANGUAGES = {"pb": "pt", "fq": "fr", "zt": "zh"}  # ServiceNow's own codes for variants


def to_wire(moment: datetime) -> str:
    """A time as a literal for a query, which the instance reads as UTC."""
    return moment.astimezone(UTC).strftime(_WIRE_FORMAT)


def from_wire(value: str, name: str) -> datetime:
    """A database value as a time.

    :raises Unexpected: it is none.
    """
    try:
        return datetime.strptime(value, _WIRE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise Unexpected(f"the field {name!r} of a row is not a time as the database writes it") from None


class TicketMapping:
    """Reads rows of one source's table."""

    def __init__(self, config: ServiceNowConfig) -> None:
        table = TABLES[config.table]
        self._table = table
        self._url = config.url
        self._email = config.customer_email_field or f"{table.customer}.email"
        self._phone = config.customer_phone_field or f"{table.customer}.mobile_phone"
        self._language = config.language_field or f"{table.customer}.preferred_language"
        self._service = config.service_field or "business_service.name"
        self._organisation = config.organisation_field or table.organisation
        self.closed_states: tuple[str, ...] = config.closed_states or table.closed_states
        """Values of `state` that mean "done"."""
        self.query: str = joined(one_of("state", self.closed_states), config.filter)
        """What a ticket of this source satisfies, as an encoded query."""
        self.open_query: str = joined("active=true", f"stateNOT IN{','.join(self.closed_states)}", config.filter)
        """What an open ticket of this source satisfies."""
        self._wanted = parse_filter(self.query)
        self.closing_times: tuple[str, ...] = table.closing_times
        """Fields that say when a ticket was closed, the one that the customer notices first."""
        self.counts_reopenings: bool = table.counts_reopenings
        """Whether `reopen_count` tells one closing from the next; otherwise the time of closing does."""
        self._further = config.further_fields
        chosen = (config.language_field, config.service_field, config.organisation_field, *config.further_fields)
        self.needed: tuple[str, ...] = _unique(
            [
                *ALWAYS,
                "closed_at",
                *sorted(parse_filter(self.query).fields),
                self._email,
                self._phone,
                *filter(None, chosen),
                *(name for milestone in config.milestones for name in _OF_OPEN[milestone]),
            ]
        )
        """Fields that must exist."""
        self.extra: tuple[str, ...] = tuple(name for name in _unique(self._extra()) if name not in self.needed)
        """Fields that tell more where they exist."""

    def _extra(self) -> Iterable[str]:
        yield from (*self.closing_times, "reopen_count", "sys_class_name", "short_description", "opened_at")
        yield from (self._table.customer, "assigned_to", "assigned_to.name", "assignment_group.name", self._language)
        yield from (f"{self._table.customer}.{name}" for name in ("name", "vip", "time_zone"))
        yield from (self._service, self._organisation, self._table.type, self._table.close_code)
        yield from ("category", "contact_type", "priority", *_DURATIONS, _FIRST_RESPONSE)

    def is_closed(self, row: Row) -> bool:
        """Whether a ticket is done by its state, whatever the filter says."""
        return row["state"] in self.closed_states

    def covers(self, row: Row) -> bool:
        """Whether a row is a closed ticket that the filter wants."""
        return self._wanted.holds(row)

    def closed_at(self, row: Row) -> datetime | None:
        """When the customer was told that it is done; None when the row does not say. The last update would be no
        substitute: a job that touches tickets of last year would have all their customers asked."""
        for name in self.closing_times:
            if row.get(name):
                return from_wire(row[name], name)
        return None

    def ticket(self, row: Row) -> Ticket | None:
        """A closed ticket; None as long as it has no time of closing. Fields that are missing or empty are left out.

        :param row: with the fields `needed` and `extra`.
        """
        closed_at = self.closed_at(row)
        if closed_at is None:
            return None
        # The same when a resolved ticket is closed later, another when it was opened again in between. Where reopenings
        # are not counted, or not shown, the time tells them apart.
        reopenings = self._reopenings(row)
        return self._ticket(row, f"{to_wire(closed_at) if reopenings is None else reopenings}:resolved", closed_at)

    def handed_over(self, row: Row) -> Ticket:
        """An open ticket that changed hands. The count tells one hand-over from the next. When it was is known only as
        the time of the last update, which may have been another change: histories are seldom readable.

        :raises Unexpected: the time cannot be read.
        """
        at = from_wire(row["sys_updated_on"], "sys_updated_on")
        return self._ticket(row, f"{Milestone.HANDED_OVER}:{row['reassignment_count']}", at, Milestone.HANDED_OVER)

    def waiting(self, row: Row, longest: timedelta) -> Ticket:
        """A ticket that has been open for that long.

        :raises Unexpected: the time cannot be read.
        """
        at = from_wire(row["opened_at"], "opened_at")
        return self._ticket(row, f"{Milestone.WAITING}:{row['opened_at']}", at + longest, Milestone.WAITING)

    def _reopenings(self, row: Row) -> int | None:
        return _number(row.get("reopen_count")) if self.counts_reopenings else None

    def _ticket(self, row: Row, key: str, at: datetime, milestone: Milestone = Milestone.CLOSED) -> Ticket:
        return Ticket(
            id=row["sys_id"],
            key=row.get("number") or row["sys_id"],
            closure_key=key,
            closed_at=at,
            milestone=milestone,
            subject=row.get("short_description", ""),
            url=self._link(row["sys_id"]),
            customer=self._customer(row),
            reporter_is_agent=self._is_of_its_agent(row) or None,
            agent=row.get("assigned_to.name") or None,
            team=row.get("assignment_group.name") or None,
            service=row.get(self._service) or None,
            type=row.get(self._table.type) or None,
            channel=row.get("contact_type") or None,
            organisation=row.get(self._organisation) or None,
            opened_at=_time(row, "opened_at"),
            first_response_at=_time(row, _FIRST_RESPONSE),
            time_to_resolve=_first_duration(row),
            reopen_count=self._reopenings(row),
            fields=self._fields(row),
        )

    def _link(self, sys_id: str) -> str:
        return f"{self._url}/nav_to.do?uri={quote(f'{self._table.name}.do?sys_id={sys_id}', safe='')}"

    def _is_of_its_agent(self, row: Row) -> bool:
        """Whether somebody handled a ticket of their own. Whether others are agents too, their rows do not say."""
        customer = row.get(self._table.customer)
        return bool(customer) and customer == row.get("assigned_to")

    def _customer(self, row: Row) -> Customer:
        language = row.get(self._language, "").strip().lower()[:2]
        return Customer(
            name=row.get(f"{self._table.customer}.name") or None,
            email=row.get(self._email, "").strip() or None,
            phone=row.get(self._phone, "").strip() or None,
            language=_LANGUAGES.get(language, language) if language.isalpha() and len(language) == 2 else None,
            timezone=row.get(f"{self._table.customer}.time_zone") or None,
            vip={"true": True, "false": False}.get(row.get(f"{self._table.customer}.vip", "")),
        )

    def _fields(self, row: Row) -> dict[str, str | tuple[str, ...]]:
        named = {"close_code": self._table.close_code}
        names = ("state", "close_code", "priority", "category", "sys_class_name", *self._further)
        values = {name: row.get(named.get(name, name), "") for name in names}
        return {name: value for name, value in values.items() if value}


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _time(row: Row, name: str) -> datetime | None:
    """A time that is nice to know."""
    try:
        return from_wire(row[name], name) if row.get(name) else None
    except Unexpected:
        return None


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdecimal() else None


def _first_duration(row: Row) -> timedelta | None:
    values = (row.get(name) for name in _DURATIONS)
    return next((length for value in values if value and (length := _duration(value)) is not None), None)


def _duration(value: str) -> timedelta | None:
    """Seconds, or a duration as the database writes it: that long after the beginning of 1970."""
    if value.isascii() and value.isdecimal():
        return timedelta(seconds=int(value[:12]))
    try:
        length = from_wire(value, "duration") - _EPOCH
    except Unexpected:
        return None
    return length if length >= timedelta() else None
