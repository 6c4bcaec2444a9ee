"""The built-in words of the survey, one file a language in `languages/`."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("fi", "sv", "en")
WORST, BEST = 1, 5
"""The rating scale of the survey; 5 is best."""

_FALLBACK = "en"
_ASKING = ("sms", "question", "ratings", "comment_question", "reply_by_mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a customer reads in one language. Fields may hold `{sender}`, `{ticket}` and `{subject}`."""

    code: str
    name: str
    sms: str
    question: str
    ratings: tuple[str, ...]
    """Labels of the ratings, the worst first."""
    comment_question: str
    comment_hint: str
    marker: str
    mail_subject: str
    greeting: str
    about: str
    about_subject: str
    reply_by_mail: str
    closing: str
    privacy: str
    opt_out: str
    language: str
    send: str
    choose_rating: str
    comment_too_long: str
    not_saved: str
    answered_before: str
    thanks_title: str
    thanks_text: str
    change_answer: str
    expired_title: str
    expired_text: str
    cancelled_title: str
    cancelled_text: str
    unknown_title: str
    unknown_text: str
    unsubscribe_title: str
    unsubscribe_text: str
    unsubscribe_button: str
    unsubscribed_title: str
    unsubscribed_text: str
    failed_title: str
    failed_text: str

    def about_ticket(self, *, ticket: str, subject: str) -> str:
        """The sentence that says which ticket the survey is about."""
        return (self.about_subject if subject else self.about).format(ticket=ticket, subject=subject)

    def choices(self) -> list[tuple[int, str]]:
        """Ratings with their labels, the best first, as they are listed for the customer."""
        return list(zip(range(BEST, WORST - 1, -1), reversed(self.ratings), strict=True))


@cache
def texts_in(language: str) -> Texts:
    """The words in a language, or the English ones when there are none in it."""
    code = pick_language(language, default=_FALLBACK)
    content = tomllib.loads(files("hub.survey").joinpath("languages", f"{code}.toml").read_text("utf-8"))
    return Texts(code=code, ratings=tuple(content.pop("ratings")), **content)


def pick_language(*candidates: str | None, default: str) -> str:
    """The first candidate the survey speaks, such as `fi` for `fi-FI`; else the default; else English."""
    for candidate in (*candidates, default):
        code = re.split("[-_]", (candidate or "").strip().lower())[0]
        if code in LANGUAGES:
            return code
    return _FALLBACK


@cache
def version() -> str:
    """A short hash of what is asked and on which scale, stored with each answer so that it keeps its meaning."""
    asked = [[str(getattr(texts_in(language), name)) for name in _ASKING] for language in LANGUAGES]
    return hashlib.sha256(repr((asked, WORST, BEST)).encode()).hexdigest()[:12]
