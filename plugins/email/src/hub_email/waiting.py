"""From what lies in the folders to tickets that wait for an answer. Pure: no clock, no mailbox."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from hub import Milestone, Ticket
from hub_email.closures import Snapshot, short_hash, ticket_of
from hub_email.desk import Mail, Role
from hub_email.threads import Thread, build_threads


def waiting(snapshot: Snapshot, longest: timedelta, since: datetime) -> Iterator[Ticket]:
    """The tickets that have waited so long for an answer since some time.

    Without the folder of sent mail nobody can tell what was answered: then there are none.
    """
    if snapshot.sent is None:
        return
    open_mails = snapshot.open_mails()
    threads = {thread.id: thread for thread in build_threads(snapshot.mails()).values()}
    for thread in threads.values():
        mail = _first_unanswered(thread, open_mails)
        if mail is not None and since <= (at := mail.received_at + longest) <= snapshot.at:
            key = f"{Milestone.WAITING}:{short_hash(mail.id, 16)}"
            yield ticket_of(thread, key, at, {"folder": snapshot.inbox.name}, Milestone.WAITING)


def _first_unanswered(thread: Thread, open_mails: Collection[str]) -> Mail | None:
    """The oldest of the customer's mails that lie in the inbox since the desk wrote last. None when the last word is
    the desk's, or closed. A customer who writes again while waiting has waited since the first time.
    """
    spoken = [mail for mail in thread.mails if mail.role is not Role.MACHINE]
    if not spoken or spoken[-1].id not in open_mails:
        return None
    answered = [number for number, mail in enumerate(spoken, 1) if mail.role is Role.DESK]
    return next((mail for mail in spoken[max(answered, default=0) :] if mail.id in open_mails), None)
