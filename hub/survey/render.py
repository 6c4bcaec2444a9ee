"""Writes what a customer receives: surveys, reminders, further questions, thanks, and what a STOP or START does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hub.api.records import Channel, Milestone, QuestionKind
from hub.config.questions import SCALES, Question
from hub.config.survey import Tone
from hub.survey.model import MessageKind, Survey
from hub.survey.plain import one_line, ticket_subject, to_gsm
from hub.survey.size import size_of
from hub.survey.texts import Texts, pick_language, texts_of
from hub.survey.wording import best_of, choices, is_labelled, question_text, sms_text

if TYPE_CHECKING:
    import jinja2

__all__ = ["Occasion", "Rendered", "pick_language", "render"]

_SUBJECT_CHARACTERS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Who writes to whom, and about what. Nothing of the ticket is trusted."""

    channel: Channel
    language: str
    tone: Tone | None
    """The survey's own when None."""
    token: str = field(repr=False)
    public_url: str
    sender_name: str
    ticket_key: str
    subject: str = field(repr=False)
    """The ticket's; shown in mails only."""
    milestone: Milestone


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in words. Only a mail has a subject, HTML and an address to unsubscribe at."""

    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    unsubscribe_url: str | None = field(default=None, repr=False)


def render(survey: Survey, kind: MessageKind, question: str | None, about: Occasion) -> Rendered:
    """Write a message in the customer's language, or in the first one of the survey when it does not speak that.

    :param question: the id of the question that the message asks; the first one when None. Thanks ask none.
    :raises ValueError: nothing is sent over this channel.
    """
    texts = texts_of(survey, about.language, about.tone)
    asked = survey.questions[question or survey.first]
    match about.channel:
        case Channel.SMS:
            return Rendered(text=_sms(texts, kind, asked, about))
        case Channel.EMAIL:
            return _mail(texts, kind, asked, about)
    raise ValueError(f"no survey is sent over the channel {about.channel.value!r}")


def _sms(texts: Texts, kind: MessageKind, question: Question, about: Occasion) -> str:
    link = _answer_url(about)

    def written(how: str) -> str:
        frame: str = getattr(texts, f"sms_{kind}")
        asked = sms_text(question, texts.code, texts.tone)
        return to_gsm(frame.format(**_names(about), question=asked, how=how, link=link))

    if not question.options:
        return written(_how_by_sms(texts, question))
    listed = None if any(one.when for one in question.options.values()) else written(_by_number(texts, question))
    return listed if listed and size_of(listed).parts == 1 else written(texts.sms_how_page.format(link=link))


def _by_number(texts: Texts, question: Question) -> str:
    """Options with the numbers to answer with, in the order of hub.toml, by which replies are read."""
    options = ", ".join(f"{number}={one.label}" for number, one in enumerate(choices(question, texts), start=1))
    frame = texts.sms_how_choice if question.kind is QuestionKind.CHOICE else texts.sms_how_factors
    return frame.format(options=options)


def _how_by_sms(texts: Texts, question: Question) -> str:
    match question.kind:
        case QuestionKind.LOST_TIME:
            return texts.sms_how_lost_time
        case QuestionKind.TEXT | QuestionKind.ITEMS:
            return texts.sms_how_words
        case QuestionKind.YES_NO:
            return texts.sms_how_yes_no
    frame = texts.sms_how_nps if question.kind is QuestionKind.NPS else texts.sms_how_scale
    return frame.format(**_ends(question, best_of(question, texts, equals="=")))


def _mail(texts: Texts, kind: MessageKind, question: Question, about: Occasion) -> Rendered:
    unsubscribe_url = f"{about.public_url}/u/{about.token}"
    values: dict[str, Any] = {
        "texts": texts,
        "sender": one_line(about.sender_name),
        "about": texts.about_ticket(
            ticket=one_line(about.ticket_key), subject=ticket_subject(about.subject), milestone=about.milestone
        ),
        "privacy": texts.privacy.format(**_names(about)),
        "unsubscribe_url": unsubscribe_url,
    }
    name = _TELLING.get(kind)
    if name is None:
        values |= _asking(texts, kind, question, about)
    else:
        values |= {"title": getattr(texts, f"{name}_title"), "told": getattr(texts, f"{name}_text")}
        values["can_stop"] = kind is not MessageKind.STOPPED
    template = "asking" if name is None else "telling"
    return Rendered(
        subject=one_line(_subject(texts, kind, about), limit=_SUBJECT_CHARACTERS),
        text=_template(f"{template}.txt").render(values),
        html=_template(f"{template}.html").render(values),
        unsubscribe_url=unsubscribe_url,
    )


_TELLING: Mapping[MessageKind, str] = {
    MessageKind.THANKS: "thanks",
    MessageKind.STOPPED: "unsubscribed",
    MessageKind.STARTED: "subscribed",
}
"""Mails without a question, with the beginning of the names of their texts."""


def _asking(texts: Texts, kind: MessageKind, question: Question, about: Occasion) -> dict[str, Any]:
    """What a mail that asks needs besides. A press on a choice shows the page and records nothing."""
    answer_url, found = _answer_url(about), choices(question, texts)
    is_open = question.kind in (QuestionKind.FACTORS, QuestionKind.LOST_TIME)  # nothing that one press could answer
    return {
        "title": question_text(question, texts.code, texts.tone),
        "is_reminder": kind is MessageKind.REMINDER,
        "how": _how_by_mail(texts, question),
        "choices": []
        if is_open
        else [(one.value, one.label, f"{answer_url}?r={quote(str(one.value))}") for one in found],
        "has_values": question.kind in SCALES and question.kind is not QuestionKind.YES_NO,
        "in_a_row": question.kind in SCALES and not is_labelled(question, texts),
        "answer_url": answer_url,
    }


def _how_by_mail(texts: Texts, question: Question) -> str:
    if question.kind is QuestionKind.YES_NO:
        return texts.mail_how_yes_no
    if question.kind not in SCALES:
        return texts.mail_how_words
    return texts.mail_how_scale.format(**_ends(question, best_of(question, texts, equals=" = ")))


def _subject(texts: Texts, kind: MessageKind, about: Occasion) -> str:
    if kind in _TELLING:
        return f"{one_line(about.sender_name)}: {getattr(texts, f'{_TELLING[kind]}_title')}"
    frame = texts.mail_subject if about.milestone is Milestone.CLOSED else texts.mail_subject_open
    subject = frame.format(**_names(about))
    return texts.mail_reminder_subject.format(mail_subject=subject) if kind is MessageKind.REMINDER else subject


def _names(about: Occasion) -> dict[str, str]:
    return {"sender": one_line(about.sender_name), "ticket": one_line(about.ticket_key)}


def _ends(question: Question, best: str) -> dict[str, object]:
    return {"minimum": question.minimum, "maximum": question.maximum, "best": best}


def _answer_url(about: Occasion) -> str:
    return f"{about.public_url}/a/{about.token}"


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("hub.survey"),
        autoescape=jinja2.select_autoescape(("html",)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
