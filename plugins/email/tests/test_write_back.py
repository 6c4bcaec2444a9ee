"""Results as messages, against pymap."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest_asyncio
from hub_email.config import EmailSourceConfig
from hub_email.imap import Mailbox
from hub_email.source import EmailSource
from hub_email.write_back import compose_result, score_keyword
from hypothesis import given
from hypothesis import strategies as st

from hub import Channel, DeliveryStatus, Experience, Item, ItemKind, QuestionKind, Score, TicketSnapshot
from hub.testing.fakes import FakeContext

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CUSTOMER = "maija@customer.example"
CONFIG: dict[str, Any] = {
    "host": "127.0.0.1",
    "security": "plain",
    "username": "demouser",
    "password": "demopass",
    "desk_addresses": ["@acme.example", "desk@acme.example"],
}


def experience(revision: int = 1, *, ticket: str = "1@customer.example", **changes: Any) -> Experience:
    snapshot = TicketSnapshot(
        source="mail", id=ticket, key="m-1234abcd", closure_key="k", subject="Printer", agent="Anna", closed_at=AT
    )
    plain = Experience(
        id="rsp-991",
        revision=revision,
        ticket=snapshot,
        survey="closing",
        survey_version="1",
        channel=Channel.SMS,
        language="fi",
        scores=(Score(question="service", value=4, minimum=1, maximum=5),),
        comment="Kiitos, Åsa!",
        answered_at=AT,
    )
    return plain.model_copy(update=changes)


def composed(item: Experience, **settings: Any) -> EmailMessage:
    raw = compose_result(item, EmailSourceConfig.model_validate(CONFIG | settings))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_the_message_says_it_in_its_headers_in_words_and_as_a_record() -> None:
    message = composed(experience())
    assert message["From"] == "Hub <hub@acme.example>"
    assert message["To"] == "desk@acme.example"
    assert message["Subject"] == "[XM] SERVICE 4/5 - m-1234abcd Printer"
    assert message["Message-ID"] == "<xm.rsp-991.1@acme.example>"
    assert message["In-Reply-To"] == message["References"] == "<1@customer.example>"
    assert message["X-XM-Response-Id"] == "rsp-991.1"
    assert message["X-XM-Scores"] == "service=4"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_body()
    assert body is not None
    assert "Kiitos, Åsa!" in body.get_content()
    [record] = message.iter_attachments()
    assert Experience.model_validate_json(record.get_content()) == experience()


def test_the_sender_can_be_set_and_a_comment_needs_no_score() -> None:
    message = composed(experience(scores=()), results_from="XM <xm@acme.example>")
    assert message["From"] == "XM <xm@acme.example>"
    assert message["Subject"].startswith("[XM] answer - ")


def test_everything_that_was_answered_is_in_the_message() -> None:
    solved = Score(question="solved", kind=QuestionKind.YES_NO, value=0, minimum=0, maximum=1)
    items = (Item(kind=ItemKind.IDEA, text="Soita ensin", question="three", by="person"),)
    message = composed(experience(scores=(solved,), items=items, lost_minutes=30))
    assert (message["Subject"], message["X-XM-Items"]) == ("[XM] SOLVED no - m-1234abcd Printer", "idea")
    body = message.get_body()
    assert body is not None
    lines = body.get_content().splitlines()
    assert {"SOLVED: no", "Work time lost: 30 min"} <= set(lines)
    assert lines[-2:] == ["Idea:", "Soita ensin"]


def test_a_withdrawn_answer_says_so() -> None:
    gone = experience(2, scores=(), comment=None, withdrawn=True)
    message = composed(gone)
    assert message["Subject"] == "[XM] answer withdrawn - m-1234abcd Printer"
    assert message["X-XM-Withdrawn"] == "yes"
    assert score_keyword(gone) == "$XM_WITHDRAWN"


@given(st.text(), st.text(), st.text(min_size=1))
def test_no_text_of_a_customer_becomes_a_header(subject: str, comment: str, thread: str) -> None:
    hostile = f"{subject}\r\nBcc: {CUSTOMER}\r\n\r\n"
    ticket = experience().ticket.model_copy(update={"subject": hostile, "id": f"{thread}\r\nCc: {CUSTOMER}"})
    message = composed(experience().model_copy(update={"ticket": ticket, "comment": comment + hostile}))
    assert {"Bcc", "Cc"}.isdisjoint(message.keys())
    assert [message["To"], message["From"]] == ["desk@acme.example", "Hub <hub@acme.example>"]
    assert message["X-XM-Response-Id"] == "rsp-991.1"
    assert message.get_content_type() == "multipart/mixed"


def test_a_long_thread_id_is_not_broken_up() -> None:
    long_id = f"{'x' * 200}@customer.example"
    raw = compose_result(experience(ticket=long_id), EmailSourceConfig.model_validate(CONFIG))
    assert f"In-Reply-To: <{long_id}>\r\n".encode() in raw


def test_the_keyword_is_an_atom() -> None:
    assert score_keyword(experience()) == "$XM_SERVICE_4"
    odd = Score(question="how was_it?(", value=4.5, minimum=1, maximum=5)
    assert score_keyword(experience(scores=(odd,))) == "$XM_HOW-WAS-IT--_4.5"
    assert score_keyword(experience(scores=())) == ""


class Desk:
    """A source on folders of its own, and a second connection that looks at them."""

    def __init__(self, port: int, prefix: str, **settings: Any) -> None:
        folders = {"inbox": f"{prefix}in", "closed_folder": f"{prefix}closed", "results_folder": f"{prefix}results"}
        self.config = EmailSourceConfig.model_validate(
            CONFIG | {"port": port, "sent_folder": f"{prefix}sent"} | folders | settings
        )
        self.source = EmailSource(self.config, FakeContext())
        self.mailbox = Mailbox(self.config)

    async def results(self) -> list[str]:
        await self.mailbox.examine(self.config.results_folder)
        uids = await self.mailbox.search(["ALL"])
        found = [one async for one in self.mailbox.fetch_headers(uids, ["X-XM-RESPONSE-ID"])]
        return [one.content.decode().strip().partition(": ")[2] for one in found]


@pytest_asyncio.fixture
async def desk(imap_port: int, prefix: str) -> AsyncIterator[Desk]:
    desk = Desk(imap_port, prefix, result_keywords=True)
    for folder in (desk.config.inbox, desk.config.closed_folder):
        await desk.mailbox.create_folder(folder)
    yield desk
    await desk.source.close()
    await desk.mailbox.close()


async def test_a_result_is_written_once_per_revision(desk: Desk) -> None:
    first, second = experience(), experience(2)
    receipts = await desk.source.write_back([first, first, second])
    await desk.source.write_back([second])
    assert await desk.results() == ["rsp-991.1", "rsp-991.2"]
    assert [receipt.status for receipt in receipts] == [DeliveryStatus.DELIVERED] * 3
    assert receipts[0].provider_id == receipts[1].provider_id != receipts[2].provider_id


async def test_a_similar_id_is_not_taken_for_the_same(desk: Desk) -> None:
    await desk.source.write_back([experience(11)])
    await desk.source.write_back([experience(1)])
    assert await desk.results() == ["rsp-991.11", "rsp-991.1"]


async def test_a_server_without_keywords_is_named_in_the_receipt(desk: Desk) -> None:
    mail = b"Message-ID: <1@customer.example>\r\nFrom: maija@customer.example\r\n\r\n"
    await desk.mailbox.append(desk.config.closed_folder, mail, [], AT)
    [receipt] = await desk.source.write_back([experience()])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason is not None
    assert receipt.reason.endswith("no keyword: the server does not keep keywords")


async def test_check_says_what_to_do(desk: Desk) -> None:
    results = {result.what: result for result in await desk.source.check()}
    prefix = desk.config.inbox.removesuffix("in")
    assert results["log in"].ok
    assert results[f"folder '{prefix}in'"].ok
    assert "agents and response times stay unknown" in results[f"folder '{prefix}sent'"].detail
    assert "the first result makes it" in results[f"folder '{prefix}results'"].detail
    keyword = results[f"keyword '$XM_SERVICE_5' in '{prefix}closed'"]
    assert not keyword.ok
    assert not await desk.mailbox.folder_exists(desk.config.results_folder)


async def test_check_names_a_missing_folder_and_a_dropped_closing_keyword(imap_port: int, prefix: str) -> None:
    desk = Desk(imap_port, prefix, closed_keyword="$Closed", inbox="INBOX")
    results = {result.what: result for result in await desk.source.check()}
    assert results[f"folder '{prefix}closed'"].detail == "it does not exist; create it or correct 'closed_folder'"
    assert "close tickets by folder" in results["keyword '$Closed' in 'INBOX'"].detail
    await desk.source.close()
    await desk.mailbox.close()
