"""Which mails belong together. Pure: the same mails in any order give the same threads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hub_email.desk import Mail, Role

SUBJECT_WINDOW = timedelta(days=14)
"""How far apart two mails may be that only their subject holds together."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation."""

    id: str
    """Message-ID of its root, also when the root itself is not known."""
    token: str
    """The desk's ticket number, or nothing."""
    mails: tuple[Mail, ...]
    """Oldest first; each Message-ID once."""

    def by(self, role: Role) -> list[Mail]:
        """The mails of one side, oldest first."""
        return [mail for mail in self.mails if mail.role is role]


def build_threads(mails: Iterable[Mail]) -> dict[str, Thread]:
    """Sort mails into threads.

    Ticket number before references, references before subject; a subject alone joins a reply only to the same
    customer's mail of the last 14 days. Mails with different ticket numbers never come together.

    :returns: the thread of each mail by the mail's id.
    """
    known = _unique(mails)
    groups = _Groups()
    for mail in known:
        groups.add(mail)
    for mail in known:
        for link in reversed(mail.links):  # the last one known is the nearest, and wins when ticket numbers differ
            groups.join(mail.id, link)
    _join_by_subject(known, groups)
    members: defaultdict[str, list[Mail]] = defaultdict(list)
    for mail in known:
        members[groups.find(mail.id)].append(mail)
    threads = (_thread(found, groups) for found in members.values())
    return {mail.id: thread for thread in threads for mail in thread.mails}


class _Groups:
    """Disjoint sets of Message-IDs. Also of ids that nobody has seen a mail of: a missing parent joins its children."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._token: dict[str, str] = {}
        self._first_of_token: dict[str, str] = {}

    def add(self, mail: Mail) -> None:
        if mail.token:
            self._token[self.find(mail.id)] = mail.token
            self.join(self._first_of_token.setdefault(mail.token, mail.id), mail.id)

    def find(self, id_: str) -> str:
        root = id_
        while (above := self._parent.get(root, root)) != root:
            root = above
        while id_ != root:
            self._parent[id_], id_ = root, self._parent[id_]
        return root

    def token(self, id_: str) -> str:
        return self._token.get(self.find(id_), "")

    def join(self, one: str, other: str) -> None:
        upper, lower = self.find(one), self.find(other)
        tokens = {self._token.get(upper, ""), self._token.get(lower, "")} - {""}
        if upper == lower or len(tokens) > 1:
            return
        self._parent[lower] = upper
        if tokens:
            self._token[upper] = tokens.pop()


def _unique(mails: Iterable[Mail]) -> list[Mail]:
    """Oldest first; of copies of one mail, in several folders or delivered twice, the first that was received."""
    ordered = sorted(mails, key=lambda mail: (mail.received_at, mail.id, mail.role is not Role.DESK))
    first: dict[str, Mail] = {}
    for mail in ordered:
        first.setdefault(mail.id, mail)
    return list(first.values())


def _join_by_subject(ordered: Sequence[Mail], groups: _Groups) -> None:
    sizes = Counter(groups.find(mail.id) for mail in ordered)
    latest: dict[tuple[str, str], Mail] = {}
    for mail in ordered:
        if not (mail.customer and mail.subject) or mail.role is Role.MACHINE:
            continue
        key = (mail.customer, mail.subject.casefold())
        earlier = latest.get(key)
        alone = sizes[groups.find(mail.id)] == 1
        if earlier and alone and mail.is_reply and mail.received_at - earlier.received_at <= SUBJECT_WINDOW:
            groups.join(earlier.id, mail.id)
        latest[key] = mail


def _thread(mails: Sequence[Mail], groups: _Groups) -> Thread:
    oldest = mails[0]
    root = oldest.links[0] if oldest.links and groups.find(oldest.links[0]) == groups.find(oldest.id) else oldest.id
    return Thread(id=root, token=groups.token(oldest.id), mails=tuple(mails))
