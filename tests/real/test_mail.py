"""The e-mail gateway on real servers: signatures on arrival, bounces, holiday notes and the unsubscribe button."""

from __future__ import annotations

import asyncio
import imaplib
import shutil
import smtplib
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hub_email.gateway import EmailGateway
from hub_email.gateway_config import DkimSettings, EmailGatewaySettings
from hub_email.signing import Signer

from hub import Cursor, DeliveryReport, DeliveryStatus, Message, Reply
from hub.testing.fakes import FakeClock, FakeContext
from tests.real.desk import SURVEYS
from tests.real.servers.apt import library_path, unpack
from tests.real.servers.mail import MailServer, password
from tests.real.servers.process import wait_until

News = Reply | DeliveryReport


def key_of(number: int) -> str:
    """A key as the hub makes them, another for each test."""
    return "realmailrealmail" + "".join("abcdefghij"[int(digit)] for digit in f"{number:04}")


def survey(number: int, recipient: str) -> Message:
    key = key_of(number)
    return Message(
        key=key,
        recipient=recipient,
        subject="Miten hoidimme tukipyyntösi 4711? Kerro meille, niin voimme parantaa palvelua – käyttäjätuki",
        text="##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n\nHei!\n.Miten meni?  \n\nVastaa 1–5.\n\n\n",
        html="<p>Miten meni? 🙂</p>" + "<p>" + "ä" * 2000 + "</p>",
        unsubscribe_url=f"https://survey.desk.test/u/{key}",
    )


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def dkim_key(request: pytest.FixtureRequest) -> str:
    key = rsa.generate_private_key(65537, 2048) if request.param == "rsa" else ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()


class Surveys:
    """The gateway, and what it brought back."""

    def __init__(self, gateway: EmailGateway) -> None:
        self.gateway = gateway
        self._cursor: Cursor | None = None

    async def begin(self) -> None:
        await self.news()

    async def news(self) -> list[News]:
        found: list[News] = []
        async for page in self.gateway.collect(self._cursor):
            found += [*page.replies, *page.reports]
            self._cursor = page.cursor or self._cursor
        return found

    async def wait_for(self, key: str, *, seconds: float = 20) -> list[News]:
        """What came for one survey, as soon as something did."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := [one for one in await self.news() if one.key == key]:
                return found
            await asyncio.sleep(0.2)
        raise AssertionError("nothing came back")


@pytest_asyncio.fixture
async def surveys_with(mail: MailServer) -> AsyncIterator[Callable[[dict[str, object]], Surveys]]:
    made: list[EmailGateway] = []

    def make(changes: dict[str, object]) -> Surveys:
        ca_file = str(mail.ca_file)
        settings = {
            "smtp_host": mail.host,
            "smtp_port": mail.ports.submission,
            "smtp_username": SURVEYS,
            "smtp_password": password(SURVEYS),
            "ca_file": ca_file,
            "from_address": f"Palvelupiste <{SURVEYS}>",
            "reply_address": SURVEYS,
            "imap": {
                "host": mail.host,
                "port": mail.ports.imaps,
                "ca_file": ca_file,
                "username": SURVEYS,
                "password": password(SURVEYS),
            },
        }
        clock = FakeClock(datetime.now(UTC))
        made.append(EmailGateway(EmailGatewaySettings.model_validate(settings | changes), FakeContext(clock=clock)))
        return Surveys(made[-1])

    yield make
    for gateway in made:
        await gateway.close()


@pytest_asyncio.fixture
async def surveys(surveys_with: Callable[[dict[str, object]], Surveys]) -> Surveys:
    one = surveys_with({})
    await one.begin()
    return one


class OpenDkim:
    """What receivers use to verify: OpenDKIM, with a file in place of DNS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = unpack(("opendkim",), folder)
        self._config = folder / "opendkim.conf"
        self._config.write_text(f"Mode v\nSyslog no\nUserID nobody\nTestPublicKeys {folder}/keys\n")

    def accepts(self, content: bytes, signer: Signer) -> bool:
        (self._folder / "keys").write_text(f"{signer.record_name} {signer.record}\n")
        (self._folder / "mail").write_bytes(content.replace(b"\r\n", b"\n"))
        program = self._root / "usr/sbin/opendkim"
        result = subprocess.run(
            [program, "-x", self._config, "-t", self._folder / "mail"],
            env={"LD_LIBRARY_PATH": library_path(self._root, "usr/lib")},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return "verification" in result.stdout and "succeeded" in result.stdout


@pytest.fixture(scope="module")
def opendkim(mail: MailServer) -> Iterator[OpenDkim]:
    folder = Path(tempfile.mkdtemp(prefix="hub-dkim-"))
    folder.chmod(0o755)
    yield OpenDkim(folder)
    shutil.rmtree(folder)


def arrived(mail: MailServer, user: str, key: str) -> bytes:
    """The survey as it lies in the mailbox, byte for byte."""
    context = ssl.create_default_context(cafile=str(mail.ca_file))

    def find() -> bytes:
        with imaplib.IMAP4_SSL(mail.host, mail.ports.imaps, ssl_context=context, timeout=10) as imap:
            imap.login(user, password(user))
            imap.select("INBOX", readonly=True)
            numbers = imap.search(None, "HEADER", "Message-ID", key)[1][0].split()
            found = imap.fetch(numbers[0], "(BODY.PEEK[])")[1][0] if numbers else None
        return bytes(found[1]) if isinstance(found, tuple) else b""

    return wait_until(find, "the survey")


async def test_a_signature_holds_after_the_way_through_two_servers(
    mail: MailServer, opendkim: OpenDkim, dkim_key: str, surveys_with: Callable[[dict[str, object]], Surveys]
) -> None:
    import dkim

    table = {"domain": "desk.test", "selector": "hub1", "private_key": dkim_key}
    signer = Signer(DkimSettings.model_validate(table))
    number = 1 if "k=rsa" in signer.record else 2
    await surveys_with({"dkim": table}).gateway.send(survey(number, "maija@customer.test"))
    content = arrived(mail, "maija@customer.test", key_of(number))
    assert content.startswith((b"Return-Path:", b"Received:", b"Delivered-To:")), "servers added their headers"
    tampered = content.replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=No-Click")
    assert tampered != content
    assert dkim.verify(content, dnsfunc=lambda _name, **_: signer.record.encode())
    assert not dkim.verify(tampered, dnsfunc=lambda _name, **_: signer.record.encode())
    assert opendkim.accepts(content, signer)
    assert not opendkim.accepts(tampered, signer)


@pytest.mark.parametrize(
    ("number", "recipient", "reason", "unusable"),
    [
        (10, "nobody@customer.test", "bounce_5.1.1", True),
        (11, "x@nowhere.test", "bounce_5.1.2", True),
        (12, "full@customer.test", "bounce_5.2.2", False),
        (13, "x@reject.test", "bounce_5.7.1", False),
    ],
)
async def test_a_bounce_names_its_survey_and_only_a_missing_address_is_given_up(
    surveys: Surveys, number: int, recipient: str, reason: str, unusable: bool
) -> None:
    receipt = await surveys.gateway.send(survey(number, recipient))
    [report] = await surveys.wait_for(receipt.key)
    assert isinstance(report, DeliveryReport)
    assert (report.status, report.reason) == (DeliveryStatus.FAILED, reason)
    assert (report.address_unusable, report.provider_id) == (unusable, receipt.provider_id)


async def test_a_delay_is_no_failure_and_giving_up_leaves_the_address(surveys: Surveys) -> None:
    receipt = await surveys.gateway.send(survey(14, "x@defer.test"))
    [report] = await surveys.wait_for(receipt.key, seconds=50)  # the warning before it made no news
    assert isinstance(report, DeliveryReport)
    assert (report.status, report.reason, report.address_unusable) == (DeliveryStatus.FAILED, "bounce_4.2.1", False)


async def test_a_holiday_note_of_a_real_server_is_no_answer(mail: MailServer, surveys: Surveys) -> None:
    """It answers a mail without the headers that keep notes away from surveys; there are servers that ignore them."""
    key = key_of(20)
    bare = EmailMessage()
    bare["From"], bare["To"], bare["Subject"] = f"Palvelupiste <{SURVEYS}>", "away@customer.test", "Miten meni?"
    bare.set_content("Vastaa 1–5.")
    context = ssl.create_default_context(cafile=str(mail.ca_file))
    with smtplib.SMTP(mail.host, mail.ports.submission, timeout=10) as smtp:
        smtp.starttls(context=context)
        smtp.login(SURVEYS, password(SURVEYS))
        smtp.send_message(bare, from_addr=f"survey+{key}@desk.test")
    [note] = await surveys.wait_for(key)
    assert isinstance(note, Reply)
    assert (note.automatic, note.sender) == (True, "away@customer.test")
    assert "Olen lomalla" in note.text


async def test_a_survey_provokes_no_holiday_note(mail: MailServer, surveys: Surveys) -> None:
    away, key = "away@customer.test", key_of(21)
    await surveys.gateway.send(survey(21, away))
    arrived(mail, away, key)
    receipt = await surveys.gateway.send(survey(22, "nobody@customer.test"))  # comes back later than a note would
    came = await surveys.wait_for(receipt.key)
    assert [one.key for one in [*came, *await surveys.news()]] == [receipt.key]


async def test_the_unsubscribe_button_of_a_mail_program_reaches_the_hub(mail: MailServer, surveys: Surveys) -> None:
    await surveys.gateway.send(survey(30, "pekka@customer.test"))
    survey_mail = arrived(mail, "pekka@customer.test", key_of(30)).decode()
    header = next(line for line in survey_mail.splitlines() if line.startswith("List-Unsubscribe:"))
    url = urlsplit(header.rpartition("<mailto:")[2].rstrip(">"))
    recipient = unquote(url.path)
    assert getaddresses([recipient])[0][1] == f"survey+{key_of(30)}@desk.test"
    pressed = EmailMessage()
    pressed["From"], pressed["To"], pressed["Subject"] = "pekka@customer.test", recipient, url.query.partition("=")[2]
    pressed["Message-ID"] = "<pressed@customer.test>"
    pressed.set_content("This message was made by a mail program.")
    mail.deliver(pressed, sender="pekka@customer.test", recipient=recipient)
    [reply] = await surveys.wait_for(key_of(30))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.sender, reply.automatic) == ("unsubscribe", "pekka@customer.test", False)
