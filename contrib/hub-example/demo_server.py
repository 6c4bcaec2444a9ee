"""A made-up desk, in memory. Tests talk to it without a network; `python demo_server.py` serves it on this machine.

    GET  /api/me                                          {"login": "hub", "now": TIME}
    GET  /api/tickets?changed_from=TIME&after=N&limit=M   {"tickets": […]}: those that changed at TIME and have a number
                                                          above N, and all that changed later; oldest change first
    GET  /api/tickets/NUMBER/notes                        {"notes": [{"ref": …, "text": …}, …]}
    POST /api/tickets/NUMBER/notes                        takes {"ref": …, "text": …}

Every call needs the header `Authorization: Bearer TOKEN`.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demo_http import serve

TOKEN = "demo-token-that-everybody-knows"
PORT = 8710


class Desk:
    """Tickets and their notes.

    :param now: the desk's clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.tickets: dict[int, dict[str, Any]] = {}
        self.notes: dict[int, list[dict[str, str]]] = {}
        self._now = now
        self._numbers = itertools.count(1001)

    def close_new(self, title: str, customer: dict[str, str | None]) -> int:
        """Open a ticket and close it at once; its number."""
        number, now = next(self._numbers), self._time()
        people = {"customer": customer, "agent": "Sari", "team": "First line"}
        self.tickets[number] = {"number": number, "title": title, "opened_at": now, **people}
        self.notes[number] = []
        self.change(number, status="closed", closed_at=now)
        return number

    def change(self, number: int, **fields: str) -> None:
        """Change a ticket's fields; the desk notes when."""
        self.tickets[number] |= {**fields, "changed_at": self._time()}

    def customer_writes(self, number: int) -> None:
        """Let the customer write; the ticket stays as it is."""
        self.change(number, customer_wrote_at=self._time())

    def remove(self, number: int) -> None:
        """Delete a ticket."""
        del self.tickets[number], self.notes[number]

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """What the desk answers: a status, and what becomes the JSON body."""
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "wrong token"}
        match urlsplit(url).path.strip("/").split("/"):
            case ["api", "me"]:
                return 200, {"login": "hub", "now": self._time()}
            case ["api", "tickets"]:
                return 200, {"tickets": self._changed(parse_qs(urlsplit(url).query))}
            case ["api", "tickets", number, "notes"] if number.isdecimal() and int(number) in self.notes:
                return self._answer_notes(method, int(number), body)
        return 404, {"error": "not found"}

    def _answer_notes(self, method: str, number: int, body: bytes) -> tuple[int, Any]:
        if method == "POST":
            self.notes[number].append(json.loads(body))
            self.change(number)
        return 200, {"notes": self.notes[number]}

    def _changed(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        start = datetime.fromisoformat(query["changed_from"][0]), int(query["after"][0])
        places = {
            (datetime.fromisoformat(ticket["changed_at"]), number): ticket for number, ticket in self.tickets.items()
        }
        return [places[place] for place in sorted(places) if place > start][: int(query["limit"][0])]

    def _time(self) -> str:
        return self._now().isoformat()


def main(port: int) -> None:
    """Serve a desk with one closed ticket; close another one for each line that is entered."""
    desk = Desk(lambda: datetime.now(UTC))

    def answer(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        if method == "POST":
            print(f"The hub writes onto a ticket: {body.decode()}", flush=True)
        return desk.answer(method, url, headers, body)

    serve(answer, port)
    print(f"A desk at http://127.0.0.1:{port}, with the token {TOKEN}")
    for count in itertools.count(1):
        customer = {"name": f"Anna {count}", "email": f"anna{count}@customer.example", "phone": f"+35840123{count:04}"}
        number = desk.close_new(f"The printer is silent, part {count}", customer)
        print(f"Ticket #{number} is closed. Press Enter to close another one, Ctrl-C to end.", flush=True)
        if not sys.stdin.readline():
            threading.Event().wait()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
    except KeyboardInterrupt:
        sys.exit(130)
