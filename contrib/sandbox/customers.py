"""How customers answer a survey: by text, by mail, on the page, or not."""

from __future__ import annotations

import asyncio
import random
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from sandbox.browser import Browser
from sandbox.ledger import Case, Survey
from sandbox.phones import Phones
from sandbox.post_office import PostOffice
from sandbox.story import Answer, Said

LATE_SECONDS = 6.0
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
_STOP = {"fi": "LOPETA", "sv": "STOPP", "en": "STOP"}
_LINK = re.compile(r"https?://[^\s<>\"']+")


class Customers:
    """Everybody who may get a survey."""

    def __init__(self, phones: Phones, post_office: PostOffice, browser: Browser, short_number: str) -> None:
        self._phones = phones
        self._post_office = post_office
        self._browser = browser
        self._short_number = short_number

    async def react(self, case: Case, draw: random.Random) -> None:
        """Do what the story says, now that the survey is there; note in the case what was said."""
        answer, said = case.story.answer, case.story.said
        await asyncio.sleep(draw.uniform(0.3, 1.5) + (LATE_SECONDS if answer is Answer.LATE else 0.0))
        if answer in (Answer.SILENT, Answer.BOUNCE):
            return
        if case.story.by_sms:
            await self._text(case, said)
        else:
            await self._write(case, case.surveys[0], said)
        case.said = said

    async def _text(self, case: Case, said: Said | None) -> None:
        phone, language = case.story.person.phone or "", case.story.person.language
        if said is None:
            await self._send(phone, _STOP[language])
        elif case.story.answer is Answer.TWICE:
            await self._send(phone, str(said.rating))
            await asyncio.sleep(1.5)
            await self._send(phone, said.words)
        else:
            times = 3 if case.story.answer is Answer.REPEATED else 1
            await self._send(phone, _spoken(said, " "), times=times)

    async def _send(self, phone: str, text: str, *, times: int = 1) -> None:
        await self._phones.write(phone, text, to=self._short_number, times=times)

    async def _write(self, case: Case, survey: Survey, said: Said | None) -> None:
        mail = survey.mail
        assert mail is not None
        match case.story.answer:
            case Answer.PAGE | Answer.SCANNED | Answer.FILTERED:
                await self._visit(case, mail, said)
            case Answer.STOP:
                await self._browser.answer(next(link for link in links(mail) if "/u/" in link))
            case Answer.OUT_OF_OFFICE:
                prefix, text = _AWAY[case.story.person.language]
                await self._reply(case, mail, prefix, text, automatic=True)
            case _:
                assert said is not None
                await self._reply(case, mail, "Re: ", f"{_spoken(said, chr(10))}\n\n{_quote(case, mail)}")

    async def _visit(self, case: Case, mail: EmailMessage, said: Said | None) -> None:
        if case.story.answer is not Answer.PAGE:
            await self._browser.scan(links(mail))
        if said is not None:
            await self._browser.answer(page_link(mail), said.rating, said.words)

    async def _reply(self, case: Case, mail: EmailMessage, prefix: str, text: str, *, automatic: bool = False) -> None:
        person = case.story.person
        reply = EmailMessage(policy=SMTP)
        reply["From"] = Address(person.name, addr_spec=person.email)
        reply["To"] = mail["Reply-To"] or mail["From"]
        reply["Subject"] = prefix + mail["Subject"]
        reply["Message-ID"] = make_msgid(domain=person.email.partition("@")[2])
        reply["In-Reply-To"] = reply["References"] = mail["Message-ID"]
        if automatic:
            reply["Auto-Submitted"] = "auto-replied"
        reply.set_content(text)
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


def _spoken(said: Said, separator: str) -> str:
    return separator.join(part for part in (str(said.rating or ""), said.words) if part)


def _quote(case: Case, mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    lines = body.get_content().splitlines() if body else []
    intro = _QUOTED[case.story.person.language].format(sender=mail["From"])
    return "\n".join([intro, *(f"> {line}" for line in lines)])
