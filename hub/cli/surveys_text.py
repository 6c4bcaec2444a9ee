"""Surveys as people read them on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import indent
from typing import Any

from hub.api.records import Channel, Milestone, QuestionKind
from hub.cli.options import table
from hub.config.models import HubConfig
from hub.config.questions import Option, Question
from hub.config.survey import Language, Rule, Tone
from hub.config.texts import PLACEHOLDERS, replaceable
from hub.survey.model import Survey, scale_of
from hub.survey.preview import Sms, all_mails, all_sms, occasion, page_url
from hub.survey.render import Occasion
from hub.survey.texts import texts_of
from hub.survey.wording import choices, items, question_text


def questions_text(survey: Survey, languages: Sequence[Language]) -> str:
    """The questions with their kinds, scales, conditions and what can be chosen."""
    return "\n".join(line for id_ in survey.questions for line in _question(survey, id_, languages))


def _question(survey: Survey, id_: str, languages: Sequence[Language]) -> Iterator[str]:
    question = survey.questions[id_]
    yield ", ".join([f"{id_}: {question.kind}", *_facts(question)])
    for language in languages:
        yield f"  {language}  {question_text(question, language, survey.tone)}"
        for one in choices(question, texts_of(survey, language)):
            if one.label:
                yield f"        {one.value}: {one.label}{_notes(question.options.get(str(one.value)))}"
        if question.kind is QuestionKind.ITEMS:
            yield from (f"        {key}: {label}" for key, label in items(question, texts_of(survey, language)))


def _notes(option: Option | None) -> str:
    """After which scores an option is offered, and whether it is about the process, in brackets."""
    notes = (", ".join(option.when), "process" if option.process else "") if option else ()
    return f" ({'; '.join(filter(None, notes))})" if any(notes) else ""


def _facts(question: Question) -> Iterator[str]:
    if scale := scale_of(question):
        yield f"{scale}, {scale.maximum if scale.higher_is_better else scale.minimum:g} is best"
    if question.shuffle:
        yield "in another order for each customer"
    for earlier, words in question.ask_if.items():
        yield f"asked when {earlier} is {' or '.join(words)}"


def texts_of_survey(survey: Survey, language: Language) -> dict[str, dict[str, Any]]:
    """The texts that can be replaced, by name."""
    texts, own = texts_of(survey, language), survey.texts.get(language, {})
    return {
        name: {"text": getattr(texts, name), "placeholders": PLACEHOLDERS.get(name, ()), "replaced": name in own}
        for name in replaceable()
    }


def texts_text(survey: Survey, language: Language) -> str:
    """The same as a table."""
    rows = [
        (f"{name}{' *' if one['replaced'] else ''}", one["text"])
        for name, one in texts_of_survey(survey, language).items()
    ]
    return table([("NAME (* replaced)", "TEXT"), *rows])


@dataclass(frozen=True)
class Preview:
    """What customers get of one survey in one language and tone."""

    config: HubConfig
    survey: Survey
    language: Language
    tone: Tone

    @property
    def page_url(self) -> str:
        """Where a running hub shows the page."""
        return page_url(self.config.web.public_url, self.survey.name, self.language, self.tone)

    @property
    def html(self) -> str:
        """The HTML of the mail that asks."""
        return self._mails[0][1].html or ""

    def as_text(self, channels: Iterable[str]) -> str:
        """The parts for these channels, one after the other."""
        parts = {Channel.SMS: self._sms_text, Channel.EMAIL: self._mail_text, Channel.PAGE: self._page_text}
        return "\n\n".join(parts[Channel(channel)]() for channel in channels)

    def as_json(self, channels: Iterable[str]) -> dict[str, Any]:
        """The same for scripts."""
        parts: dict[Channel, Any] = {
            Channel.SMS: lambda: [_sms_json(one) for one in self._sms],
            Channel.EMAIL: lambda: [
                {"kind": kind, "subject": mail.subject, "text": mail.text, "html": mail.html}
                for kind, mail in self._mails
            ],
            Channel.PAGE: lambda: self.page_url,
        }
        head = {"survey": self.survey.name, "version": self.survey.version, "language": self.language}
        return head | {"tone": self.tone} | {str(channel): parts[Channel(channel)]() for channel in channels}

    @cached_property
    def _sms(self) -> list[Sms]:
        return list(all_sms(self.survey, self._occasion(Channel.SMS)))

    @cached_property
    def _mails(self) -> list[Any]:
        return list(all_mails(self.survey, self._occasion(Channel.EMAIL)))

    def _occasion(self, channel: Channel) -> Occasion:
        return occasion(
            channel,
            self.language,
            self.tone,
            public_url=self.config.web.public_url,
            sender_name=self.config.survey.sender_name,
            milestone=self._milestone,
        )

    @property
    def _milestone(self) -> Milestone:
        """What happened to the tickets that the first rule with this survey is for."""
        return next((rule.milestone[0] for rule in self._rules if rule.milestone), Milestone.CLOSED)

    @property
    def _rules(self) -> list[Rule]:
        return [rule for rule in self.config.rules if rule.ask and rule.survey == self.survey.name]

    def _sms_text(self) -> str:
        found = [f"{_title(one)}  [{_price(one)}]\n{indent(one.text, '  ')}" for one in self._sms]
        head = f"SMS in {self.language}, {self.tone}; a conversation has at most {self.survey.messages} of them"
        return "\n\n".join([head, *found])

    def _mail_text(self) -> str:
        found = [
            f"Mail in {self.language}, {self.tone}: {kind}\n  Subject: {mail.subject}\n\n{indent(mail.text, '  ')}"
            for kind, mail in self._mails
        ]
        head = [] if self._rules else ["No rule asks this survey. Its mail is shown as after a closing."]
        return "\n\n".join([*head, *found])

    def _page_text(self) -> str:
        return f"Page, while the hub runs\n  {self.page_url}"


def _title(one: Sms) -> str:
    return f"{one.kind} {one.question}" if one.question else str(one.kind)


def _price(one: Sms) -> str:
    size = one.size
    parts = "1 part" if size.parts == 1 else f"{size.parts} parts"
    return f"{parts}, {size.alphabet}, {size.characters} characters, {size.left} left; billed as {price_class(one)}"


def price_class(one: Sms) -> str:
    """What operators bill a message as."""
    return f"{one.size.parts} SMS"


def _sms_json(one: Sms) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "question": one.question,
        "text": one.text,
        "alphabet": one.size.alphabet,
        "characters": one.size.characters,
        "left": one.size.left,
        "parts": one.size.parts,
        "price_class": price_class(one),
    }
