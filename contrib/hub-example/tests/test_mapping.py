"""From the desk's words to the hub's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub_example import mapping
from hub_example.client import DeskTicket, Person

CLOSED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICKET = DeskTicket(
    number=1001,
    title="The printer is silent",
    status="closed",
    customer=Person(name="Anna", phone="040 123 4567"),
    opened_at=CLOSED - timedelta(hours=2),
    closed_at=CLOSED,
    changed_at=CLOSED,
)


def test_a_closed_ticket_keeps_what_the_desk_says_of_it() -> None:
    ticket = mapping.to_ticket(TICKET, "https://desk.acme.example/")
    assert (ticket.id, ticket.key, ticket.subject) == ("1001", "#1001", "The printer is silent")
    assert (ticket.customer.phone, ticket.customer.email) == ("040 123 4567", None)
    assert ticket.url == "https://desk.acme.example/tickets/1001"


def test_a_later_change_is_the_same_closing_and_another_closing_is_not() -> None:
    later = CLOSED + timedelta(days=1)
    first = mapping.to_ticket(TICKET, "").closure_key
    assert mapping.to_ticket(TICKET.model_copy(update={"changed_at": later}), "").closure_key == first
    assert mapping.to_ticket(TICKET.model_copy(update={"closed_at": later}), "").closure_key != first


def test_a_ticket_waits_when_it_is_open_again_or_the_customer_wrote() -> None:
    new = TICKET.model_copy(update={"status": "open", "closed_at": None})
    reopened = TICKET.model_copy(update={"status": "open"})
    wrote = TICKET.model_copy(update={"customer_wrote_at": CLOSED + timedelta(minutes=1)})
    assert [mapping.is_closed(one) for one in (TICKET, new, reopened, wrote)] == [True, False, False, False]
    assert [mapping.is_open_again(one) for one in (TICKET, new, reopened, wrote)] == [False, False, True, True]
