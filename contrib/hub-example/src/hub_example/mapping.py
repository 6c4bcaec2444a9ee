"""From the desk's words to the hub's and back: plain functions, easy to test."""

from __future__ import annotations

from hub import Customer, Experience, Ticket, tell_details, tell_score, tell_words

from hub_example.client import DeskTicket, Note


def is_closed(ticket: DeskTicket) -> bool:
    """Whether the ticket is closed and the customer has not written since."""
    return ticket.status == "closed" and ticket.closed_at is not None and not _wrote_since(ticket)


def is_open_again(ticket: DeskTicket) -> bool:
    """Whether the ticket was closed once and waits for somebody now."""
    return ticket.closed_at is not None and not is_closed(ticket)


def _wrote_since(ticket: DeskTicket) -> bool:
    wrote, closed = ticket.customer_wrote_at, ticket.closed_at
    return wrote is not None and closed is not None and wrote > closed


def to_ticket(ticket: DeskTicket, url: str) -> Ticket:
    """A closed ticket as the hub knows it. What the desk does not say stays empty."""
    assert ticket.closed_at is not None
    customer = ticket.customer
    return Ticket(
        id=str(ticket.number),
        key=f"#{ticket.number}",
        # The time of the closing: later changes leave it as it is, and the next closing has another.
        closure_key=ticket.closed_at.isoformat(),
        closed_at=ticket.closed_at,
        subject=ticket.title,
        url=f"{url.rstrip('/')}/tickets/{ticket.number}",
        customer=Customer(name=customer.name, email=customer.email, phone=customer.phone),
        agent=ticket.agent,
        team=ticket.team,
        opened_at=ticket.opened_at,
    )


def to_note(item: Experience) -> Note:
    """An experience as a note that agents understand. `ref` says which revision of which experience it is."""
    lines = ["withdrawn by the customer"] if item.withdrawn else []
    lines += [f"{score.question}: {tell_score(score)}" for score in item.scores]
    lines += tell_details(item)
    lines += [f"{kind}: {words}" if kind else words for kind, words in tell_words(item)]
    return Note(ref=f"{item.id}/{item.revision}", text="\n".join(lines))
