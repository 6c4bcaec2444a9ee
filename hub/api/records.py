"""The records that travel between the hub and its plugins. All are immutable; all times are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, NewType, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema, from_json

from hub.api.storable import storable

Cursor = NewType("Cursor", str)
"""Where a pull or a collection stands. Opaque to the hub; the plugin writes and reads it, and migrates it itself."""

UtcDatetime = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]
"""A pydantic field type: accepts any aware datetime and stores it in UTC; a naive one is an error."""


class Channel(StrEnum):
    """The ways a customer is reached and answers."""

    SMS = "sms"
    EMAIL = "email"
    PAGE = "page"


class Milestone(StrEnum):
    """What happened to a ticket that makes its customer worth asking."""

    CLOSED = "closed"
    HANDED_OVER = "handed_over"  # another team or agent works on it now; it is still open
    WAITING = "waiting"  # open for longer than the source's settings call long


class QuestionKind(StrEnum):
    """What an answer to a question is. Its value in JSON is given for each."""

    RATING = "rating"  # a whole number on the question's own scale
    NPS = "nps"  # 0 to 10: would you recommend us
    CES = "ces"  # 1 to 7: it was easy
    YES_NO = "yes_no"  # 1 or 0
    CHOICE = "choice"  # the id of one option
    FACTORS = "factors"  # a list of ids of options
    LOST_TIME = "lost_time"  # minutes of work lost
    TEXT = "text"  # the customer's own words
    ITEMS = "items"  # {"service": ..., "problem": ..., "feedback": ...}, own words for each part that is there


class DeliveryStatus(StrEnum):
    """How far a message or a write-back came. Later reports never lead back to an earlier state."""

    QUEUED = "queued"  # taken by the service, which will try later
    SENT = "sent"  # taken by the service; whether it arrived is not known yet
    DELIVERED = "delivered"  # the handset, mail server or ticket has it
    REJECTED = "rejected"  # refused for good: never sent, never will be
    FAILED = "failed"  # sent, and reported as not delivered
    UNKNOWN = "unknown"  # nobody can say; never repeated blindly


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # JSON is what the hub has stored, and clean: to take it apart in Python would take twice as long
        record: Any = handler.resolve_ref_schema(handler(source))
        ref = record.pop("ref", None)  # other records refer to both ways together
        cleaned = core_schema.no_info_before_validator_function(storable, record)
        return core_schema.json_or_python_schema(json_schema=record, python_schema=cleaned, ref=ref)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """See pydantic. NUL is replaced here too; half surrogate pairs are no JSON."""
        if r"\u0000" in json_data if isinstance(json_data, str) else rb"\u0000" in json_data:
            return cls.model_validate(from_json(json_data), **options)
        return super().model_validate_json(json_data, **options)


class Customer(_Record):
    """Who opened the ticket, as far as the source knows. Never guess: leave out what is not stated."""

    name: str | None = None
    email: str | None = None
    phone: str | None = Field(default=None, description="As written in the source; the hub makes it E.164.")
    language: str | None = Field(default=None, description="ISO 639-1, such as 'fi'.")
    timezone: str | None = Field(default=None, description="IANA name, such as 'Europe/Helsinki'.")
    vip: bool | None = None
    consent: tuple[Channel, ...] | None = Field(
        default=None, description="Channels the customer agreed to be surveyed on, where the source records that."
    )


class Ticket(_Record):
    """One ticket, closed or at another milestone, normalised, as it stood when it was pulled.

    `(source, id, closure_key)` is a closure: it is surveyed at most once. `id` must never change
    (not a key that moves between projects). `closure_key` must be the same each time the same closing is seen,
    also after the hub's own write-back, and another one when the ticket was reopened and closed again. The same holds
    for an open ticket that reached another milestone, such as a hand-over.
    """

    id: str = Field(min_length=1)
    key: str = Field(min_length=1, description="What people call the ticket.")
    closure_key: str = Field(min_length=1)
    closed_at: UtcDatetime = Field(description="When it was closed; of another milestone, when that was reached.")
    milestone: Milestone = Milestone.CLOSED
    subject: str = ""
    url: str | None = None
    customer: Customer = Customer()
    reporter_is_agent: bool | None = Field(
        default=None, description="Whether the one who opened it works at the desk, and opened it in their own name."
    )
    customer_silent_since: UtcDatetime | None = Field(
        default=None, description="Since when the desk waits for the customer: its first message after their last one."
    )
    agent: str | None = None
    team: str | None = None
    service: str | None = None
    type: str | None = None
    channel: str | None = Field(default=None, description="How the contact came in: 'portal', 'phone', 'email'…")
    organisation: str | None = Field(default=None, description="The customer's company, department or account.")
    opened_at: UtcDatetime | None = None
    first_response_at: UtcDatetime | None = None
    time_to_resolve: timedelta | None = Field(
        default=None, description="As the desk's own clock counts it, without pauses and closed hours."
    )
    reopen_count: int | None = Field(default=None, ge=0)
    fields: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict, description="Further fields that exclusions in hub.toml can name."
    )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a pull, and the cursor that is valid once the page has been stored."""

    tickets: tuple[Ticket, ...]
    cursor: Cursor
    reopened: tuple[str, ...] = ()
    """Ids of tickets that are open again or where the customer wrote again; surveys not yet sent are cancelled."""
    warning: str | None = None
    """What the operator should know although the pull works, such as rows that the account may not see. Shown by
    `hub status` for a day. Never personal."""
    read_at: datetime | None = None
    """When the desk was asked about these tickets, if they are as the desk itself has them and not as a search index
    did. Surveys that are due at once leave without a second look for 30 seconds from then. Never later than the answer
    it speaks of."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What a webhook said: these tickets may have changed."""

    ticket_ids: tuple[str, ...]
    """`Ticket.id`s. None when the request concerns no ticket, such as a test message."""
    delivery_id: str | None = None
    """The same for each repetition of one delivery, so that it is not followed twice."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Tickets as they stand now."""

    tickets: tuple[Ticket, ...] = ()
    """The closed ones, with the `closure_key` of their last closing."""
    open: tuple[str, ...] = ()
    """Ids of those that are not closed now."""
    gone: tuple[str, ...] = ()
    """Ids of those that are deleted or hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One survey to one customer. Texts are final: a gateway changes encoding, not words."""

    key: str
    """The hub's own token for this message, 20 characters of a-z and 2-7; unguessable. Carry it in callback URLs,
    reply addresses and message ids, so that what comes back can be matched."""
    recipient: str
    """E.164 with `+` on an SMS gateway, an e-mail address on an e-mail gateway."""
    text: str
    language: str = "en"
    subject: str = ""
    html: str | None = None
    unsubscribe_url: str | None = None
    in_reply_to: str | None = None
    repeated: bool = False
    """An earlier attempt may have left. Only set for gateways that declare `Capability.REPEATABLE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one message or one write-back."""

    key: str
    """`Message.key` of a message, `Experience.id` of a write-back."""
    status: DeliveryStatus
    provider_id: str | None = None
    reason: str | None = None
    """Short and for the operator: the code of a refusal, or which write-back target was used and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Something a customer sent. Stored before anything else is done with it, and never dropped."""

    provider_id: str
    """Unique within the gateway: a second reply with the same id is the same reply."""
    channel: Channel
    sender: str = field(repr=False)
    text: str = field(repr=False)
    """The customer's own words, without quoted text."""
    received_at: datetime
    """When the service got it, by its own clock: replies over one gateway are put in order by this. Where that clock is
    ahead of the hub's, the hub counts the reply as come just now."""
    key: str | None = None
    """`Message.key` this answers, when the reply itself says so (plus address, Message-ID)."""
    recipient: str | None = field(default=None, repr=False)
    automatic: bool = False
    """An out-of-office note or other machine mail: kept, never counted as an answer."""
    opts_out: bool = False
    """The service itself took it for a wish to get no more messages, whatever words it was. STOP and its like in three
    languages need no such mark."""
    raw: str = field(default="", repr=False)
    """As received, for support. Personal; never logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """News of a message sent earlier. May come twice, out of order, or before the answer to the send call."""

    status: DeliveryStatus
    at: datetime
    key: str | None = None
    provider_id: str | None = None
    reason: str | None = None
    address_unusable: bool = False
    """The address is dead (an e-mail bounce 5.1.x, an unknown number): the hub stops using it."""
    opted_out: bool = False
    """The customer has told the service that they want no more messages: the hub asks this person nothing more."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a gateway brought back, and, when it was collected by polling, the cursor valid once it is stored."""

    replies: tuple[Reply, ...] = ()
    reports: tuple[DeliveryReport, ...] = ()
    cursor: Cursor | None = None
    http_status: int = 200
    """What a webhook is answered with, without a body, once this is stored. Some services want 204."""


class Score(_Record):
    """One number a customer gave, with all that is needed to read it later."""

    question: str
    kind: QuestionKind = QuestionKind.RATING
    value: float
    minimum: float
    maximum: float
    higher_is_better: bool = True
    approximate: bool = Field(default=False, description="Understood from words such as 'quite ok', not from a number.")
    normalised: float | None = Field(
        default=None, ge=0, le=1, description="0 is the worst end of the scale, 1 the best; the hub works it out."
    )

    @model_validator(mode="after")
    def _normalise(self) -> Self:
        if self.normalised is None and self.maximum > self.minimum:
            share = (min(max(self.value, self.minimum), self.maximum) - self.minimum) / (self.maximum - self.minimum)
            object.__setattr__(self, "normalised", round(share if self.higher_is_better else 1 - share, 4))
        return self


class Choice(_Record):
    """What a customer chose from a list."""

    question: str
    options: tuple[str, ...]
    """Ids of the options, as the survey has them."""
    process: bool = Field(default=False, description="One of them says that the process, not a person, is at fault.")


class Remark(_Record):
    """The customer's own words to one question, untouched."""

    question: str
    text: str = Field(repr=False)


class ItemKind(StrEnum):
    """What a thing inside an answer is, in words that need no ITIL."""

    SERVICE = "service"  # something to order, or wished for
    PROBLEM_CUSTOMER = "problem_customer"  # a problem that advice solves
    PROBLEM_UNCLEAR = "problem_unclear"  # a disturbance, or a problem nobody understands yet: work around it
    PROBLEM_FAULT = "problem_fault"  # something is broken: repair it
    COMMENT = "comment"
    WISH = "wish"
    IDEA = "idea"
    COMPLAINT = "complaint"
    PRAISE = "praise"


class Item(_Record):
    """One thing in an answer that somebody can act on."""

    kind: ItemKind
    text: str = Field(repr=False)
    question: str
    """Where the customer said it."""
    by: str = Field(default="rule", description="'customer', who was asked for it; 'rule', a guess; or 'person'.")


class TicketSnapshot(_Record):
    """The closure an experience belongs to, with the attribution as it was when the survey was decided."""

    source: str
    id: str
    key: str
    closure_key: str
    subject: str = ""
    agent: str | None = None
    team: str | None = None
    service: str | None = None
    type: str | None = None
    organisation: str | None = None
    opened_at: UtcDatetime | None = None
    first_response_at: UtcDatetime | None = None
    closed_at: UtcDatetime
    time_to_resolve: timedelta | None = None
    reopen_count: int | None = None


class Experience(_Record):
    """What one customer said of one closure: the record that is written back, shown and exported.

    A later answer to the same survey gives the same `id` with the next `revision`, which replaces the earlier ones.
    """

    format: Literal["experience/1"] = "experience/1"
    id: str
    revision: int = Field(ge=1)
    ticket: TicketSnapshot
    """Of an answer without a ticket: the visit, with `source` "places.NAME"."""
    place: str | None = Field(default=None, description="The service point or portal, for an answer without a ticket.")
    milestone: Milestone = Milestone.CLOSED
    survey: str
    survey_version: str
    channel: Channel
    language: str
    scores: tuple[Score, ...] = ()
    choices: tuple[Choice, ...] = ()
    lost_minutes: int | None = Field(default=None, ge=0, description="Work time the customer lost, as they say.")
    remarks: tuple[Remark, ...] = ()
    comment: str | None = Field(default=None, repr=False, description="All the customer's own words, untouched.")
    items: tuple[Item, ...] = ()
    withdrawn: bool = Field(default=False, description="The customer took the answer back: nothing of it is left.")
    asked_at: UtcDatetime | None = None
    delivered_at: UtcDatetime | None = None
    answered_at: UtcDatetime
