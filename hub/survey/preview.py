"""What customers would get, with a made-up ticket: every text message with its price, and the mails. Stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from hub.api.records import Channel, Milestone
from hub.config.survey import Language, Tone
from hub.survey.model import MessageKind, Survey
from hub.survey.render import Occasion, Rendered, render
from hub.survey.size import Size, size_of

TICKET = "INC0012345"
TOKEN = "previewpreviewprevie"  # noqa: S105 - belongs to no invitation
SUBJECTS: dict[Language, str] = {
    "fi": "Tulostin ei toimi",
    "sv": "Skrivaren fungerar inte",
    "en": "The printer does not work",
}


@dataclass(frozen=True, slots=True)
class Sms:
    """One text message that a customer can get."""

    kind: MessageKind
    question: str | None
    text: str
    size: Size


def occasion(
    channel: Channel,
    language: Language,
    tone: Tone | None,
    *,
    public_url: str,
    sender_name: str,
    milestone: Milestone = Milestone.CLOSED,
) -> Occasion:
    """A ticket that nobody has."""
    return Occasion(
        channel=channel,
        language=language,
        tone=tone,
        token=TOKEN,
        public_url=public_url,
        sender_name=sender_name,
        ticket_key=TICKET,
        subject=SUBJECTS[language],
        milestone=milestone,
    )


def all_sms(survey: Survey, about: Occasion) -> Iterator[Sms]:
    """Every text message that a conversation can hold, in the order of the survey."""
    asked: list[tuple[MessageKind, str | None]] = [
        (MessageKind.SURVEY, survey.first),
        (MessageKind.REMINDER, survey.first),
    ]
    asked += [(MessageKind.QUESTION, id_) for id_ in survey.questions if id_ != survey.first]
    told = [(kind, None) for kind in (MessageKind.THANKS, MessageKind.STOPPED, MessageKind.STARTED)]
    for kind, question in [*asked, *told]:
        text = render(survey, kind, question, about).text
        yield Sms(kind, question, text, size_of(text))


def all_mails(survey: Survey, about: Occasion) -> Iterator[tuple[MessageKind, Rendered]]:
    """The mails that ask: the survey and its reminder."""
    for kind in (MessageKind.SURVEY, MessageKind.REMINDER):
        yield kind, render(survey, kind, None, about)


def page_url(public_url: str, survey: str, language: Language, tone: Tone) -> str:
    """Where a running hub shows the page of a survey without storing anything."""
    return f"{public_url}/preview/{quote(survey, safe='')}?lang={language}&tone={tone}"
