"""How customers answer a survey: in a conversation by text, by mail, on the page, or not."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from sandbox import words
from sandbox.browser import Browser
from sandbox.ledger import Case
from sandbox.phones import Phones
from sandbox.post_office import PostOffice
from sandbox.story import FIRST, Answer
from sandbox.words import Reply

LATE_SECONDS = 6.0
REPLY_SECONDS = 10.0
"""How long a customer waits for what the hub says next."""
_BEFORE_THE_NEXT = 1.2
"""Seconds between two messages of one customer; the gateway dates in whole ones."""
_QUOTED = {
    "fi": "ma 1.6.2026 klo 10.15 {sender} kirjoitti:",
    "sv": "Den mån 1 juni 2026 kl 10:15 skrev {sender}:",
    "en": "On Mon, 1 Jun 2026 at 10:15, {sender} wrote:",
}
_AWAY = {
    "fi": ("Poissa: ", "5.8. asti lomalla. Kiireelliset asiat: vaihde."),
    "sv": ("Frånvarande: ", "Jag är på semester till den 5 augusti."),
    "en": ("Out of office: ", "I am away until 5 August, with no access to my mail."),
}
_NOT_A_WORD = (Answer.SILENT, Answer.BOUNCE)
_ON_PAGES = (Answer.PAGE, Answer.SCANNED, Answer.FILTERED, Answer.CHANGED)
_LINK = re.compile(r"https?://[^\s<>\"']+")


class Customers:
    """Everybody who may get a survey.

    :param on_said: called when a customer has said something.
    """

    def __init__(
        self,
        phones: Phones,
        post_office: PostOffice,
        browser: Browser,
        short_number: str,
        on_said: Callable[[Case], None] = lambda case: None,
    ) -> None:
        self._phones = phones
        self._post_office = post_office
        self._browser = browser
        self._short_number = short_number
        self._on_said = on_said

    async def react(self, case: Case, draw: random.Random) -> None:
        """Do what the story says, now that the survey is there; note in the case what was said."""
        answer = case.story.answer
        if answer in _NOT_A_WORD:
            return
        await asyncio.sleep(draw.uniform(0.3, 1.5) + (LATE_SECONDS if answer is Answer.LATE else 0.0))
        if case.story.by_sms:
            await self._text(case, draw)
        elif answer in _ON_PAGES:
            await self._visit(case)
        else:
            await self._write(case)

    async def _text(self, case: Case, draw: random.Random) -> None:
        language = case.story.person.language
        match case.story.answer:
            case Answer.STOP:
                await self._wish(case, words.STOP[language])
            case Answer.RETURNS:
                await self._wish(case, words.STOP[language])
                await asyncio.sleep(_BEFORE_THE_NEXT)
                await self._wish(case, words.START)
            case Answer.TWICE:
                await self._in_two_messages(case)
            case Answer.QUITS:
                await self._reply(case, FIRST)
                await self._listen(case)
            case _:
                await self._converse(case, draw)

    async def _wish(self, case: Case, text: str) -> None:
        case.wishes += 1
        await self.text(case, text)
        await self._listen(case)

    async def _converse(self, case: Case, draw: random.Random) -> None:
        """Answer one question after the other until the hub asks nothing more."""
        question: str | None = FIRST
        while question:
            await self._reply(case, question)
            question = await self._listen(case)
            await asyncio.sleep(draw.uniform(0.3, 1.2))
        if thought := case.story.second_thought:
            await asyncio.sleep(_BEFORE_THE_NEXT)
            case.mean(FIRST, thought)
            await self.text(case, thought.text)

    async def _in_two_messages(self, case: Case) -> None:
        """The rating, and the words before anything that the hub asks meanwhile is read."""
        reply = case.story.replies[FIRST]
        rating, *rest = reply.text.split(" ", 1)
        case.mean(FIRST, reply)
        await self.text(case, rating)
        await asyncio.sleep(_BEFORE_THE_NEXT)
        await self.text(case, *rest)

    async def _listen(self, case: Case) -> str | None:
        """The question that the hub's next message asks; None when it asks nothing."""
        message = await case.next_message(REPLY_SECONDS)
        case.let_down = case.let_down or message is None
        return message.question if message else None

    async def _reply(self, case: Case, question: str) -> None:
        reply = case.story.replies[question]
        case.mean(question, reply)
        await self.text(case, reply.text, times=3 if case.story.answer is Answer.REPEATED else 1)

    async def text(self, case: Case, text: str, *, times: int = 1) -> None:
        """Write a text from the customer's phone."""
        case.say("sms", text)
        self._on_said(case)
        await self._phones.write(case.story.person.phone or "", text, to=self._short_number, times=times)

    async def _write(self, case: Case) -> None:
        mail = case.surveys[0].mail
        assert mail is not None
        match case.story.answer:
            case Answer.STOP:
                case.say("page", "unsubscribes")
                self._on_said(case)
                await self._browser.press(next(link for link in links(mail) if "/u/" in link))
            case Answer.OUT_OF_OFFICE:
                prefix, text = _AWAY[case.story.person.language]
                await self.mail(case, text, prefix=prefix, automatic=True)
            case _:
                reply = case.story.replies[FIRST]
                case.mean(FIRST, reply)
                await self.mail(case, reply.text)

    async def _visit(self, case: Case) -> None:
        """Open the page by the link in the mail, and answer there."""
        mail, answer = case.surveys[0].mail, case.story.answer
        assert mail is not None
        if answer in (Answer.SCANNED, Answer.FILTERED):
            await self._browser.scan(links(mail))
            await asyncio.sleep(_BEFORE_THE_NEXT)
        if answer is Answer.FILTERED:
            return
        await self._answer_on_page(case, page_link(mail), _on_page(case.story.replies))
        if thought := case.story.second_thought:
            await asyncio.sleep(2 * _BEFORE_THE_NEXT)
            again = Reply("", thought.value)
            await self._answer_on_page(case, f"{page_link(mail)}?change=1", {FIRST: again})

    async def _answer_on_page(self, case: Case, url: str, replies: Mapping[str, Reply]) -> None:
        given = await self._browser.answer(url, _fields(replies))
        for question, reply in replies.items():
            if question in {name.partition(".")[0] for name in given}:
                case.mean(question, reply)
        case.say("page", ", ".join(f"{name} {text}" for name, text in given.items()))
        self._on_said(case)

    async def mail(self, case: Case, text: str, *, prefix: str = "Re: ", automatic: bool = False) -> None:
        """Reply to the survey from the customer's mailbox, with the mail quoted below unless a machine writes."""
        person, mail = case.story.person, case.surveys[0].mail
        assert mail is not None
        case.say("mail", text)
        self._on_said(case)
        reply = EmailMessage(policy=SMTP)
        reply["From"] = Address(person.name, addr_spec=person.email)
        reply["To"] = mail["Reply-To"] or mail["From"]
        reply["Subject"] = prefix + mail["Subject"]
        reply["Message-ID"] = make_msgid(domain=person.email.partition("@")[2])
        reply["In-Reply-To"] = reply["References"] = mail["Message-ID"]
        if automatic:
            reply["Auto-Submitted"] = "auto-replied"
        reply.set_content(text if automatic else f"{text}\n\n{_quote(case, mail)}")
        recipient = reply["To"].addresses[0].addr_spec
        await self._post_office.deliver("" if automatic else person.email, recipient, reply.as_bytes())


def links(mail: EmailMessage) -> list[str]:
    """All links of a mail, in text, HTML and headers, each once."""
    bodies = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    everything = "\n".join([*bodies, mail.get("List-Unsubscribe", "")]).replace("&amp;", "&")
    return list(dict.fromkeys(_LINK.findall(everything)))


def page_link(mail: EmailMessage) -> str:
    """The answer page without a rating chosen."""
    return next(link for link in links(mail) if "/a/" in link).partition("?")[0]


def _on_page(replies: Mapping[str, Reply]) -> dict[str, Reply]:
    """The same on the page, where words have a field of their own."""
    first = replies[FIRST]
    said = {FIRST: Reply("", first.value), "comment": Reply("".join(first.words), None, first.words)}
    return said | {"solved": Reply("", replies["solved"].value)} | {id_: replies[id_] for id_ in ("improve", "three")}


def _fields(replies: Mapping[str, Reply]) -> dict[str, str]:
    """The fields of the page's forms, as far as it has them."""
    fields = {}
    for question, reply in replies.items():
        if question == "three":
            rest = [text for text in reply.words if text not in reply.items.values()]
            fields |= {f"three.{part}": text for part, text in reply.items.items()}
            fields |= {"three.feedback": " ".join(rest)} if rest else {}
        else:
            fields[question] = reply.text if reply.value is None else str(reply.value)
    return fields


def _quote(case: Case, mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    lines = body.get_content().splitlines() if body else []
    intro = _QUOTED[case.story.person.language].format(sender=mail["From"])
    return "\n".join([intro, *(f"> {line}" for line in lines)])
