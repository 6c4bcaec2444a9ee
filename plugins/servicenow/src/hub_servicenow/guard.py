"""Refuses to start with names that the instance does not know.

ServiceNow drops a part of a query that it does not understand and executes the rest: a misspelt filter would survey
the whole table. So every name is proven before the first row is read, and again each day.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub import Clock, Unexpected
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.dictionary import Columns, table_columns
from hub_servicenow.mapping import TicketMapping
from hub_servicenow.states import state_labels

_PROVEN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the instance knows of the names that the hub wants to use."""

    fields: tuple[str, ...]
    """The fields to ask for: all that are needed, and the others that exist."""
    problems: tuple[str, ...]
    """What forbids to read anything; each says what to do."""
    states: dict[str, str] | None
    """Labels of the table's states by value; None when the account cannot read sys_choice."""
    dictionary_readable: bool
    """When not, names were proven by counting rows, and `fields` may hold some that do not exist."""
    unproven: tuple[str, ...] = field(default=())
    """Needed fields of which nothing can be said: the table is empty, or the dictionary partly hidden."""


class Guard:
    """Proves names, at most once a day unless something was wrong."""

    def __init__(self, config: ServiceNowConfig, client: ServiceNowClient, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._clock = clock
        self._mapping = TicketMapping(config)
        self._fields: tuple[str, ...] = ()
        self._until: datetime | None = None

    async def fields(self) -> tuple[str, ...]:
        """The fields to ask for.

        :raises Unexpected: a name in hub.toml does not exist on the instance; no row may be read.
        """
        now = self._clock.now()
        if self._until is None or now >= self._until:
            findings = await self.look()
            if findings.problems:
                raise Unexpected("; ".join(findings.problems))
            self._fields = findings.fields
            self._until = None if findings.unproven else now + _PROVEN_FOR
        return self._fields

    async def look(self) -> Findings:
        """Compare all names with the instance. Problems are told, not raised."""
        states = await state_labels(self._client, self._config.table)
        problems = list(self._wrong_states(states))
        words = _Dictionary(self._client, self._config.table)
        needed, extra = self._mapping.needed, self._mapping.extra
        unknown, unproven = [], []
        for path in needed:
            exists = await words.knows(path)
            if exists is None:
                exists = await self._counts_prove(path)
            if exists is None:
                unproven.append(path)
            elif not exists:
                unknown.append(path)
        problems += [await words.complaint(path) for path in unknown]
        existing = [path for path in extra if await words.knows(path) is not False]
        return Findings(
            fields=(*needed, *existing),
            problems=tuple(problems),
            states=states,
            dictionary_readable=await words.readable(),
            unproven=tuple(unproven),
        )

    def _wrong_states(self, states: dict[str, str] | None) -> Iterable[str]:
        table = self._config.table
        for value in self._mapping.closed_states if states else ():
            if states and value not in states:
                known = ", ".join(f"{one} {label}" for one, label in sorted(states.items()))
                yield f"state {value} does not exist on table {table}; correct 'closed_states': {known}"

    async def _counts_prove(self, path: str) -> bool | None:
        """Ask for rows where a field is and is not empty: none. An unknown field is dropped, and all rows are found;
        or none are, even where it is empty or not.

        :returns: None when the table is empty, so that nothing can be told, nor be surveyed.
        """
        table = self._config.table
        if await self._client.count(table, ""):
            both = await self._client.count(table, f"{path}ISEMPTY^{path}ISNOTEMPTY")
            either = await self._client.count(table, f"{path}ISEMPTY^OR{path}ISNOTEMPTY")
            return not both and bool(either)
        return None


class _Dictionary:
    """What the instance's dictionary says of one table and of those that it refers to."""

    def __init__(self, client: ServiceNowClient, table: str) -> None:
        self._client = client
        self._table = table
        self._tables: dict[str, Columns | None] = {}

    async def readable(self) -> bool:
        """Whether the account can read it for the table itself."""
        return await self._columns(self._table) is not None

    async def knows(self, path: str) -> bool | None:
        """Whether a field exists; None when the account cannot read it."""
        table = self._table
        for name in path.split("."):
            columns = await self._columns(table)
            if columns is None:
                return None
            if name not in columns:
                return False
            table = columns[name].reference
        return True

    async def complaint(self, path: str) -> str:
        """Say that a field does not exist, and which one may have been meant."""
        table = self._table
        for name in path.split("."):
            columns = await self._columns(table)
            if columns is None or name not in columns:
                break
            table = columns[name].reference
        text = f"field {path!r} does not exist: table {table or '(none)'} has no column {name!r}"
        close = difflib.get_close_matches(name, columns or (), n=1)
        return f"{text}; did you mean {close[0]!r}?" if close else text

    async def _columns(self, table: str) -> Columns | None:
        if not table:
            return {}  # a dot behind something that is no reference
        if table not in self._tables:
            self._tables[table] = await table_columns(self._client, table)
        return self._tables[table]
