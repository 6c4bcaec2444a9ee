"""A hub that runs, and the surveys that it has sent."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.daemon.running import RunningHub, wait_until


class Site:
    """The web pages of a real hub over a real store. Desk and phones are files."""

    def __init__(self, folder: Path, tables: str = "") -> None:
        """
        :param tables: what is to stand in hub.toml besides.
        """
        self.hub = RunningHub(folder, answer="", extra=tables)
        self._numbers = itertools.count(1)
        self._unused: dict[str, list[str]] = {}

    @property
    def url(self) -> str:
        """Where the pages are, without a slash at the end."""
        return f"http://127.0.0.1:{self.hub.port}"

    def start(self) -> None:
        self.hub.start()

    def stop(self) -> None:
        assert self.hub.stop() == 0, self.hub.log_text()[-2000:]

    def ask(self, language: str = "fi", **ticket: Any) -> str:
        """Close a ticket of somebody who reads this language, and give the token of the survey that they got.

        :param ticket: members of `hub.Ticket` that are to be different. Without any, surveys are made in advance.
        """
        if ticket:
            return self._asked([self._ticket(language, **ticket)])[0]
        if not self._unused.get(language):
            self._unused[language] = self._asked([self._ticket(language) for _ in range(10)])
        return self._unused[language].pop()

    def change(self, token: str, **columns: Any) -> None:
        """Change the invitation in the store, as time or an operator would."""
        assignments = ", ".join(f"{column} = :{column}" for column in columns)
        with closing(sqlite3.connect(self.hub.folder / "hub.db", timeout=10)) as store, store:
            done = store.execute(
                f"UPDATE invitations SET {assignments} WHERE token = :token", columns | {"token": token}
            )
        assert done.rowcount == 1

    def expire(self, token: str) -> None:
        """Let the time to answer pass."""
        self.change(token, expires_at="2020-01-01 00:00:00.000000")

    def cancel(self, token: str) -> None:
        """Take the survey back."""
        self.change(token, state="cancelled")

    def _ticket(self, language: str, **changes: Any) -> dict[str, Any]:
        number = next(self._numbers)
        customer = {"phone": f"+35840123{number:04}", "language": language}
        usual = {"id": f"id{number}", "key": f"INC00{number:04}", "closure_key": "c", "customer": customer}
        return usual | {"subject": _SUBJECTS[language]} | changes

    def _asked(self, tickets: list[dict[str, Any]]) -> list[str]:
        with (self.hub.folder / "tickets.jsonl").open("a") as file:
            file.writelines(json.dumps(ticket) + "\n" for ticket in tickets)
        phones = [ticket["customer"]["phone"] for ticket in tickets]

        def tokens() -> list[str] | None:
            sent = {line["to"]: line["key"] for line in self.hub.lines("sent")}
            return [sent[phone] for phone in phones] if sent.keys() >= set(phones) else None

        found: list[str] = wait_until(tokens, "the surveys are sent")
        return found


_SUBJECTS = {"fi": "Tulostin ei toimi", "sv": "Skrivaren fungerar inte", "en": "The printer does not work"}
