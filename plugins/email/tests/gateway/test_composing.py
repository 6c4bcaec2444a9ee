"""A survey as it goes over the wire: answerable, recognisable by machines, and impossible to add headers to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hub_email.addressing import parse_mailbox
from hub_email.compose import compose
from hub_email.gateway_config import EmailGatewaySettings
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub import Message, Rejected

KEY = "abcdefghij234567abcd"
AT = datetime(2026, 6, 1, 10, 15, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "smtp_host": "smtp.acme.fi",
    "from_address": "Acme Käyttäjätuki <survey@acme.fi>",
    "reply_address": "vastaus@acme.fi",
}
MESSAGE = Message(
    key=KEY,
    recipient="pekka@firma.fi",
    text="Hei! Miten meni? Vastaa 1–5.",
    html="<p>Miten meni? 🙂</p>",
    subject="Miten meni – käyttäjätuki?",
    unsubscribe_url=f"https://survey.acme.fi/u/{KEY}",
)


def wire(message: Message, **changes: object) -> bytes:
    settings = EmailGatewaySettings.model_validate(SETTINGS | changes)
    return compose(message, parse_mailbox(settings.from_address), settings.addressing(), AT)


def parsed(message: Message, **changes: object) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(wire(message, **changes))


def test_the_headers_of_a_survey() -> None:
    mail = parsed(MESSAGE)
    headers = {name: value for name, value in mail.items() if name not in {"MIME-Version", "Content-Type"}}
    assert headers == {
        "From": "Acme Käyttäjätuki <survey@acme.fi>",
        "To": "pekka@firma.fi",
        "Subject": "Miten meni – käyttäjätuki?",
        "Date": "Mon, 01 Jun 2026 10:15:00 +0000",
        "Message-ID": f"<{KEY}@acme.fi>",
        "Reply-To": f"vastaus+{KEY}@acme.fi",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply, RN, NRN",
        "X-XM-Survey": "1",
        "List-Unsubscribe": f"<https://survey.acme.fi/u/{KEY}>, <mailto:vastaus+{KEY}@acme.fi?subject=unsubscribe>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_both_forms_arrive_over_7_bit() -> None:
    content = wire(MESSAGE)
    assert content.isascii()
    assert max(len(line) for line in content.splitlines()) <= 998
    mail = parsed(MESSAGE)
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in mail.iter_parts()] == [MESSAGE.text, MESSAGE.html]


def test_without_html_it_is_plain_text() -> None:
    assert parsed(replace(MESSAGE, html=None)).get_content_type() == "text/plain"


def test_one_click_needs_https() -> None:
    mail = parsed(replace(MESSAGE, unsubscribe_url="http://127.0.0.1:8080/u/x"))
    assert mail["List-Unsubscribe"].startswith("<http://127.0.0.1:8080/u/x>, <mailto:")
    assert mail["List-Unsubscribe-Post"] is None


def test_long_urls_and_ids_stay_in_one_piece() -> None:
    url = "https://survey.acme.fi/u/" + "x" * 300
    parent = f"<{'A' * 60}@{'b' * 60}.prod.outlook.com>"
    content = wire(replace(MESSAGE, unsubscribe_url=url, in_reply_to=parent))
    assert f"List-Unsubscribe: <{url}>, ".encode() in content
    assert f"In-Reply-To: {parent}\r\nReferences: {parent}\r\n".encode() in content


def test_a_domain_in_other_letters_is_made_ascii() -> None:
    assert parsed(replace(MESSAGE, recipient="pekka@käyttäjä.fi"))["To"] == "pekka@xn--kyttj-gradb.fi"


def test_another_delimiter_can_be_set() -> None:
    assert parsed(MESSAGE, reply_delimiter="-")["Reply-To"] == f"vastaus-{KEY}@acme.fi"


HOSTILE = st.text(st.sampled_from('\r\n\0\x85\u2028\t :<>,;"@=?aBcä\ud800'), max_size=40) | st.just(
    "x\r\nBcc: evil@x.fi"
)
PROOF = "X-Injected: yes"


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_value_can_add_a_header(subject: str, url: str, parent: str, recipient: str, text: str) -> None:
    hostile = Message(
        key=KEY,
        recipient=f"{recipient}{PROOF}",
        text=f"{text}\r\n{PROOF}",
        html=text,
        subject=f"{subject}\r\n{PROOF}",
        unsubscribe_url=f"https://x/{url}\r\n{PROOF}",
        in_reply_to=f"<{parent}\r\n{PROOF}@x>",
    )
    with pytest.raises(Rejected):
        wire(hostile)
    content = wire(replace(hostile, recipient="pekka@firma.fi"))
    names = set(BytesParser(policy=policy.default).parsebytes(content, headersonly=True).keys())
    assert names <= set(parsed(replace(MESSAGE, in_reply_to="<a@b>")).keys()) | {"Content-Transfer-Encoding"}
    assert content.isascii()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"from_address": "Acme"}, "write one address"),
        ({"from_address": "a@b.fi, c@d.fi"}, "write one address"),
        ({"from_address": "a@b.fi\nBcc: c@d.fi"}, "write one address"),
        ({"reply_address": "vastaus@käyttäjä.fi"}, "in ASCII"),
        ({"reply_address": "v" * 60 + "@acme.fi"}, "too long to add a key"),
        ({"smtp_security": "plain"}, "in clear text"),
        ({"smtp_username": "hub"}, "give both"),
        ({"reply_delimiter": "@"}, "pattern"),
        ({"timeout": "0s"}, "greater than"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        EmailGatewaySettings.model_validate(SETTINGS | changes)


def test_plain_is_for_this_machine() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        EmailGatewaySettings.model_validate(SETTINGS | {"smtp_security": "plain", "smtp_host": host})
