"""The hub's own words as a survey says them: in a language, in a tone, and with what hub.toml says instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from hub.api.records import Milestone
from hub.config.survey import Language, Tone
from hub.config.texts import LANGUAGES, builtin_texts
from hub.survey.model import Survey

__all__ = ["LANGUAGES", "LOST_MINUTES", "Texts", "pick_language", "texts_in", "texts_of"]

LOST_MINUTES = (0, 15, 30, 60, 120, 225, 450, 900)
"""How much working time can be chosen as lost, in minutes. A working day has seven and a half hours."""

_FALLBACK: Language = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a customer reads around the questions. `hub.config.texts.PLACEHOLDERS` tells what each text can hold."""

    code: Language
    tone: Tone
    name: str
    sms_survey: str
    sms_reminder: str
    sms_question: str
    sms_thanks: str
    sms_stopped: str
    sms_started: str
    sms_how_scale: str
    sms_how_nps: str
    sms_how_choice: str
    sms_how_factors: str
    sms_how_yes_no: str
    sms_how_lost_time: str
    sms_how_words: str
    sms_how_page: str
    yes: str
    no: str
    best: str
    worst: str
    nps_highest: str
    nps_lowest: str
    ces_highest: str
    ces_lowest: str
    item_service: str
    item_problem: str
    item_feedback: str
    lost_0: str
    lost_15: str
    lost_30: str
    lost_60: str
    lost_120: str
    lost_225: str
    lost_450: str
    lost_900: str
    marker: str
    mail_subject: str
    mail_subject_open: str
    mail_reminder_subject: str
    greeting: str
    reminder_note: str
    about_closed: str
    about_handed_over: str
    about_waiting: str
    ticket_with_subject: str
    mail_how_scale: str
    mail_how_yes_no: str
    mail_how_words: str
    mail_links: str
    mail_link: str
    open_survey: str
    closing: str
    opt_out: str
    privacy: str
    place_privacy: str
    language: str
    send: str
    optional: str
    choose_any: str
    choose_answer: str
    too_long: str
    not_saved: str
    trap: str
    more_title: str
    more_text: str
    more_send: str
    more_skip: str
    thanks_title: str
    thanks_text: str
    change_answer: str
    change_note: str
    your_answer: str
    change_until: str
    changed_title: str
    changed_text: str
    withdraw: str
    withdraw_title: str
    withdraw_text: str
    withdraw_keep: str
    withdrawn_title: str
    withdrawn_text: str
    expired_title: str
    expired_text: str
    answered_title: str
    answered_text: str
    cancelled_title: str
    cancelled_text: str
    unknown_title: str
    unknown_text: str
    failed_title: str
    failed_text: str
    too_many_title: str
    too_many_text: str
    unsubscribe_title: str
    unsubscribe_text: str
    unsubscribe_all: str
    unsubscribe_button: str
    unsubscribed_title: str
    unsubscribed_text: str
    subscribe_button: str
    subscribed_title: str
    subscribed_text: str
    place_touch: str
    place_phone: str
    place_next: str
    place_more: str
    place_time: str
    place_returns: str
    place_returns_minutes: str
    preview_note: str

    def about_ticket(self, *, ticket: str, subject: str, milestone: Milestone = Milestone.CLOSED) -> str:
        """The sentence that says which ticket the survey is about, and what happened to it."""
        named = self.ticket_with_subject.format(ticket=ticket, subject=subject) if subject else ticket
        sentences = {
            Milestone.CLOSED: self.about_closed,
            Milestone.HANDED_OVER: self.about_handed_over,
            Milestone.WAITING: self.about_waiting,
        }
        return sentences[milestone].format(ticket=named)

    def lost_time(self) -> list[tuple[int, str]]:
        """What can be chosen as lost working time: minutes with their words."""
        return [(minutes, getattr(self, f"lost_{minutes}")) for minutes in LOST_MINUTES]


def texts_of(survey: Survey, language: str | None, tone: Tone | None = None) -> Texts:
    """The words around a survey, in a language that it speaks.

    :param tone: the survey's own when None.
    """
    code = pick_language(language, default=_FALLBACK, languages=survey.languages)
    texts = _builtin(code, tone or survey.tone)
    own: Mapping[str, Any] = survey.texts.get(code, {})
    return replace(texts, **own) if own else texts


def texts_in(language: str, tone: Tone = "formal") -> Texts:
    """The words in a language where no survey is known; the English ones when there are none in it."""
    return _builtin(pick_language(language, default=_FALLBACK), tone)


def pick_language(*candidates: str | None, default: str, languages: Sequence[Language] = LANGUAGES) -> Language:
    """The first candidate among the languages, such as `fi` for `fi-FI`; else the default; else the first of them."""
    for candidate in (*candidates, default):
        code = re.split("[-_]", (candidate or "").strip().lower())[0]
        if code in languages:
            return cast("Language", code)
    return languages[0]


@cache
def _builtin(language: Language, tone: Tone) -> Texts:
    return Texts(code=language, tone=tone, **builtin_texts(language, tone))
