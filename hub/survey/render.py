"""Writes the invitation that a customer receives."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from hub.api.records import Channel
from hub.survey.plain import one_line, ticket_subject, to_gsm
from hub.survey.texts import Texts, pick_language, texts_in, version

if TYPE_CHECKING:
    import jinja2

__all__ = ["Rendered", "pick_language", "render", "version"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """An invitation in words. Only a mail has a subject, HTML and an address to unsubscribe at."""

    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    unsubscribe_url: str | None = field(default=None, repr=False)


def render(
    *,
    channel: Channel,
    language: str,
    token: str,
    public_url: str,
    sender_name: str,
    ticket_key: str,
    subject: str,
) -> Rendered:
    """Write an invitation in the language, or in English when the survey does not speak it.

    :param subject: the ticket's subject. Nothing in it is trusted.
    :raises ValueError: nothing is sent over this channel.
    """
    texts = texts_in(language)
    sender, ticket = one_line(sender_name), one_line(ticket_key)
    match channel:
        case Channel.SMS:
            return Rendered(text=to_gsm(texts.sms.format(sender=sender, ticket=ticket)))
        case Channel.EMAIL:
            return _mail(texts, token, public_url, sender=sender, ticket=ticket, subject=ticket_subject(subject))
    raise ValueError(f"no survey is sent over the channel {channel.value!r}")


def _mail(texts: Texts, token: str, public_url: str, *, sender: str, ticket: str, subject: str) -> Rendered:
    answer_url, unsubscribe_url = f"{public_url}/a/{token}", f"{public_url}/u/{token}"
    values = {
        "texts": texts,
        "sender": sender,
        "about": texts.about_ticket(ticket=ticket, subject=subject),
        "privacy": texts.privacy.format(sender=sender, ticket=ticket),
        "choices": [(rating, label, f"{answer_url}?r={rating}") for rating, label in texts.choices()],
        "unsubscribe_url": unsubscribe_url,
    }
    return Rendered(
        subject=texts.mail_subject.format(sender=sender, ticket=ticket),
        text=_template("mail.txt").render(values),
        html=_template("mail.html").render(values),
        unsubscribe_url=unsubscribe_url,
    )


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
