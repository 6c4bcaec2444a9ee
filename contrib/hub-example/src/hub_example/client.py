"""The desk's interface over HTTP: one method per call, and nothing of the hub's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

import httpx
from hub import Context, Unexpected, UtcDatetime
from pydantic import BaseModel, ValidationError

from hub_example.config import ExampleConfig

ModelT = TypeVar("ModelT", bound=BaseModel)


class Person(BaseModel):
    """Who opened a ticket."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None


class DeskTicket(BaseModel):
    """A ticket in the desk's words. A time without a zone is refused; fields that are not named here are left out."""

    number: int
    title: str
    status: str
    customer: Person
    agent: str | None = None
    team: str | None = None
    opened_at: UtcDatetime
    closed_at: UtcDatetime | None = None
    customer_wrote_at: UtcDatetime | None = None
    changed_at: UtcDatetime


class Note(BaseModel):
    """A note on a ticket. `ref` is ours: the desk keeps it and gives it back."""

    ref: str
    text: str


class Me(BaseModel):
    """The hub's account, and the desk's clock."""

    login: str
    now: UtcDatetime


class Tickets(BaseModel):
    """A page of tickets."""

    tickets: list[DeskTicket]


class Notes(BaseModel):
    """All notes of a ticket."""

    notes: list[Note]


class Client:
    """Calls the desk. Waiting, retries and errors are the lent client's work.

    Every method raises `RemoteError` as the lent client does, and `Unexpected` for an answer that nobody can read.
    """

    def __init__(self, config: ExampleConfig, context: Context) -> None:
        self._config = config
        self._http = context.http

    async def me(self) -> Me:
        """The account that the token belongs to."""
        return _read(Me, await self._call("GET", "me"))

    async def changed(self, changed_from: datetime, after: int) -> list[DeskTicket]:
        """Tickets that changed at this moment and have a higher number, or changed later; oldest change first."""
        query = {"changed_from": changed_from.isoformat(), "after": str(after), "limit": str(self._config.page_size)}
        return _read(Tickets, await self._call("GET", "tickets", params=query)).tickets

    async def notes(self, number: str) -> list[Note] | None:
        """The notes of a ticket; None when the desk knows no such ticket."""
        response = await self._call("GET", f"tickets/{number}/notes", accept=(404,))
        return None if response.status_code == 404 else _read(Notes, response).notes

    async def add_note(self, number: str, note: Note) -> None:
        """Add a note. `once`: a lost answer must not make two of it."""
        await self._call("POST", f"tickets/{number}/notes", json=note.model_dump(), once=True)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        once: bool = False,
        accept: Collection[int] = (),
    ) -> httpx.Response:
        url = f"{str(self._config.url).rstrip('/')}/api/{path}"
        # The secret is read at the moment of use, so that it stands in no object that may be printed.
        headers = {"Authorization": f"Bearer {self._config.token.get_secret_value()}"}
        return await self._http.request(
            method, url, params=params, headers=headers, json=json, once=once, accept=accept
        )


def _read(model: type[ModelT], response: httpx.Response) -> ModelT:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        # Without its cause: what cannot be read may hold a customer's words.
        raise Unexpected("the desk's answer cannot be read; is 'url' that of the desk?") from None
