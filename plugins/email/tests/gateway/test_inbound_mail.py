# ruff: noqa: E501 - mails read best with their lines as they are
"""What becomes of a mail in the reply mailbox: a reply, an automatic note, a delivery report, or nothing."""

from __future__ import annotations

import time
from base64 import b64encode
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hub_email.addressing import Addressing, parse_mailbox
from hub_email.replies import read_inbound
from hypothesis import example, given
from hypothesis import strategies as st

from hub import Channel, DeliveryReport, DeliveryStatus, Reply

KEY = "abcdefghij234567abcd"
OTHER_KEY = "zyxwvutsrq765432zyxw"
AT = datetime(2026, 6, 1, 10, 15, tzinfo=UTC)
ADDRESSING = Addressing(parse_mailbox("Acme <survey@acme.fi>"), parse_mailbox("vastaus@acme.fi"), "+")


def mail(body: bytes | str = "5 kiitos\n", **headers: str) -> bytes:
    fields = {
        "From": "Pekka Virtanen <pekka@firma.fi>",
        "To": f"Acme <vastaus+{KEY}@acme.fi>",
        "Subject": "Re: Miten meni?",
        "Message-ID": "<1@firma.fi>",
        "Content-Type": 'text/plain; charset="utf-8"',
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return head.encode() + b"\n" + (body.encode() if isinstance(body, str) else body)


def reply(content: bytes) -> Reply:
    found = read_inbound(content, AT, ADDRESSING)
    assert isinstance(found, Reply)
    return found


def report(content: bytes) -> DeliveryReport:
    found = read_inbound(content, AT, ADDRESSING)
    assert isinstance(found, DeliveryReport)
    return found


class TestReplies:
    def test_a_reply_has_words_sender_and_key(self) -> None:
        found = reply(mail("5 kiitos\n\nOn 6/1/26 10:15, Acme wrote:\n> Miten meni?\n"))
        assert found.text == "5 kiitos"
        assert found.raw.endswith("> Miten meni?")
        assert (found.sender, found.recipient) == ("pekka@firma.fi", f"vastaus+{KEY}@acme.fi")
        assert (found.key, found.provider_id, found.channel) == (KEY, "1@firma.fi", Channel.EMAIL)
        assert (found.received_at, found.automatic) == (AT, False)

    @pytest.mark.parametrize(
        "headers",
        [
            {"To": f"Acme <Vastaus+{KEY.upper()}@ACME.FI>"},
            {"To": "someone@else.fi", "Cc": f"vastaus+{KEY}@acme.fi"},
            {"To": "vastaus@acme.fi", "Delivered_To": f"vastaus+{KEY}@acme.fi"},
            {"To": "vastaus@acme.fi", "X_Original_To": f"vastaus+{KEY}@other-domain.example"},
            {"To": "vastaus@acme.fi", "In_Reply_To": f"<{KEY}@acme.fi>"},
            {
                "To": "vastaus@acme.fi",
                "In_Reply_To": "<2@firma.fi>",
                "References": f"<0@x> <{KEY}@acme.fi>\n <2@firma.fi>",
            },
            {"To": f"vastaus+{KEY}@acme.fi", "In_Reply_To": f"<{OTHER_KEY}@acme.fi>"},
            {"To": "vastaus@acme.fi", "References": f"<{OTHER_KEY}@acme.fi> <{KEY}@acme.fi>"},
        ],
        ids=[
            "upper case",
            "cc",
            "delivered-to",
            "rewritten domain",
            "in-reply-to",
            "references",
            "address first",
            "latest",
        ],
    )
    def test_the_key_is_found(self, headers: dict[str, str]) -> None:
        assert reply(mail(**headers)).key == KEY

    @pytest.mark.parametrize(
        "headers",
        [
            {"To": "vastaus@acme.fi"},
            {"To": f"other+{KEY}@acme.fi"},
            {"To": f"my.vastaus+{KEY}@acme.fi"},
            {"To": "vastaus@acme.fi", "In_Reply_To": f"<{KEY}@acme.fi.evil.example>"},
            {"To": "vastaus+tooshort@acme.fi"},
        ],
    )
    def test_mail_without_a_key_of_ours_is_kept_as_feedback(self, headers: dict[str, str]) -> None:
        found = reply(mail(**headers))
        assert found.key is None
        assert found.text == "5 kiitos"

    def test_our_own_mail_in_a_loop_is_skipped(self) -> None:
        assert read_inbound(mail(X_XM_Survey="1"), AT, ADDRESSING) is None

    def test_without_message_id_the_content_identifies_it(self) -> None:
        first, second = mail("5", Message_ID=""), mail("4", Message_ID="")
        assert reply(first).provider_id == reply(first).provider_id
        assert reply(first).provider_id != reply(second).provider_id

    @pytest.mark.parametrize(
        "headers",
        [
            {"Auto_Submitted": "auto-replied"},
            {"Auto_Submitted": "auto-generated (vacation)"},
            {"Return_Path": "<>", "Subject": "Poissa"},
            {"X_Autoreply": "yes"},
            {"Precedence": "auto_reply"},
            {"Subject": "Automaattinen vastaus: Miten meni?"},
            {"Subject": "Automatic reply: How did it go?"},
            {"Subject": "=?utf-8?q?Autosvar=3A_Hur_gick_det=3F?="},
            {"From": "no-reply@firma.fi"},
            {"From": "MAILER-DAEMON@firma.fi"},
        ],
    )
    def test_machine_mail_is_kept_and_marked(self, headers: dict[str, str]) -> None:
        found = reply(mail("Olen lomalla 1.-31.7.", **headers))
        assert found.automatic
        assert found.key == KEY

    def test_a_wish_of_the_sender_does_not_make_it_automatic(self) -> None:
        assert not reply(mail(X_Auto_Response_Suppress="All", Auto_Submitted="no")).automatic

    def test_the_unsubscribe_button_of_a_mail_program_is_words(self) -> None:
        assert reply(mail("", Subject="unsubscribe")).text == "unsubscribe"
        assert reply(mail("", Subject="Re: Miten meni?")).text == ""

    def test_raw_text_is_capped(self) -> None:
        assert len(reply(mail("x" * 300_000)).raw) == 100_000


class TestBodies:
    @pytest.mark.parametrize(
        ("charset", "body"),
        [
            ("utf-8", "hyvää työtä".encode()),
            ("iso-8859-1", "hyvää työtä".encode("iso-8859-1")),
            ("windows-1252", "hyvää työtä".encode("cp1252")),
            ("us-ascii", "hyvää työtä".encode()),
            ("unknown-8bit", "hyvää työtä".encode()),
            ("unknown-8bit", "hyvää työtä".encode("iso-8859-1")),
            ("utf-8", "hyvää työtä".encode("iso-8859-1")),
            ("x-user-defined", "hyvää työtä".encode()),
            ("utf8mb4", "hyvää työtä".encode()),
            ("punycode", "hyvää työtä".encode()),
            ("hex", "hyvää työtä".encode()),
            ('"', "hyvää työtä".encode()),
        ],
    )
    def test_any_character_set_is_read(self, charset: str, body: bytes) -> None:
        assert reply(mail(body, Content_Type=f"text/plain; charset={charset}")).text == "hyvää työtä"

    def test_plain_text_is_preferred(self) -> None:
        message = EmailMessage()
        message.set_content("<p>html</p>", subtype="html")
        message.make_alternative()
        message.add_alternative("5 plain")
        assert reply(b"From: a@b.fi\n" + message.as_bytes()).text == "5 plain"

    def test_html_is_read_when_the_plain_part_is_blank(self) -> None:
        message = EmailMessage()
        message.set_content(" \n")
        message.add_alternative("<p>5&nbsp;hyvä<blockquote>Miten?</blockquote>", subtype="html")
        assert reply(message.as_bytes()).text == "5 hyvä"

    def test_attachments_are_left_out_and_inline_parts_joined(self) -> None:
        message = EmailMessage()
        message.set_content("5")
        message.add_attachment("secret diary", filename="diary.txt")
        message.add_attachment("lopuksi", disposition="inline")
        forwarded = EmailMessage()
        forwarded.set_content("an attached mail")
        message.add_attachment(forwarded)
        assert reply(message.as_bytes()).text == "5\n\nlopuksi"

    def test_a_multipart_without_its_boundary_is_read_as_text(self) -> None:
        assert reply(mail("5 hyvä", Content_Type='multipart/mixed; boundary="x"')).text == "5 hyvä"

    def test_base64_and_quoted_printable(self) -> None:
        encoded = b64encode("hyvää".encode()).decode()
        assert reply(mail(encoded, Content_Transfer_Encoding="base64")).text == "hyvää"
        assert reply(mail("hyv=C3=A4=C3=A4=", Content_Transfer_Encoding="quoted-printable")).text == "hyvää"

    @pytest.mark.parametrize(
        "content",
        [
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)) + b"\n5",
            b"Content-Type: message/rfc822\n\n" * 3000 + b"5",
            b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
            b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\n\n5",
            b"To: " + b"<" * 50_000 + b"\nFrom: " + b"(" * 50_000 + b"\n\n5",
            b"References: " + b"<a@b> " * 50_000 + b"\n\n5",
        ],
        ids=["deep", "deep mails", "many parts", "long subject", "broken addresses", "many references"],
    )
    def test_hostile_mail_takes_little_time(self, content: bytes) -> None:
        began = time.perf_counter()
        reply(content)
        assert time.perf_counter() - began < 5


def dsn(
    fields: str, *, to: str = f"vastaus+{KEY}@acme.fi", returned: str = "Message-ID: <x@y>\n", per_message: str = ""
) -> bytes:
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mail.firma.fi\nTo: {to}\nSubject: Undelivered Mail Returned to Sender\n"
        "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n'
        "--B\nContent-Type: text/plain\n\nI'm sorry to have to inform you.\n\n"
        f"--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.firma.fi\n{per_message}\n"
        f"Final-Recipient: rfc822; pekka@firma.fi\n{fields}\n"
        f"--B\nContent-Type: text/rfc822-headers\n\n{returned}\n--B--\n"
    ).encode()


class TestDeliveryReports:
    @pytest.mark.parametrize(
        ("fields", "status", "reason", "unusable"),
        [
            ("Action: failed\nStatus: 5.1.1\n", "failed", "bounce_5.1.1", True),
            ("Action: failed\nStatus: 5.1.2\n", "failed", "bounce_5.1.2", True),
            ("Action: failed\nStatus: 5.1.10\n", "failed", "bounce_5.1.10", True),
            ("Action: failed\nStatus: 5.1.8\n", "failed", "bounce_5.1.8", False),
            ("Action: failed\nStatus: 5.2.2\n", "failed", "bounce_5.2.2", False),
            ("Action: failed\nStatus: 5.4.4\n", "failed", "bounce_5.4.4", False),
            ("Action: failed\nStatus: 5.7.1\n", "failed", "bounce_5.7.1", False),
            ("Action: failed\nStatus: 4.2.1\n", "failed", "bounce_4.2.1", False),
            ("Action: failed (gave up)\nStatus: 5.1.1 (no such user)\n", "failed", "bounce_5.1.1", True),
            (
                "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 unknown\n",
                "failed",
                "bounce_5.1.1",
                True,
            ),
            ("Action: failed\n", "failed", "bounce", False),
            ("Action: delivered\nStatus: 2.0.0\n", "delivered", "bounce_2.0.0", False),
            ("Action: relayed\nStatus: 2.0.0\n", "sent", "bounce_2.0.0", False),
        ],
    )
    def test_action_and_status_decide(self, fields: str, status: str, reason: str, unusable: bool) -> None:
        found = report(dsn(fields))
        assert (found.key, found.provider_id, found.at) == (KEY, f"<{KEY}@acme.fi>", AT)
        assert (found.status, found.reason, found.address_unusable) == (DeliveryStatus(status), reason, unusable)

    def test_a_delay_is_no_news(self) -> None:
        assert read_inbound(dsn("Action: delayed\nStatus: 4.2.1\nWill-Retry-Until: x\n"), AT, ADDRESSING) is None

    def test_one_failure_among_several_recipients_counts(self) -> None:
        blocks = "Action: delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; x@y.fi\nAction: failed\nStatus: 5.2.2\n"
        assert report(dsn(blocks)).status is DeliveryStatus.FAILED

    @pytest.mark.parametrize(
        "source",
        [
            {"returned": f"Subject: x\nMessage-ID:\n <{KEY}@acme.fi>\n"},
            {"per_message": f"Original-Envelope-Id: {KEY}@acme.fi\n"},
        ],
        ids=["returned headers", "envelope id"],
    )
    def test_the_key_is_found_without_a_plus_address(self, source: dict[str, str]) -> None:
        assert report(dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi", **source)).key == KEY

    def test_the_key_is_found_in_the_returned_mail(self) -> None:
        content = dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi")
        whole = content.replace(
            b"text/rfc822-headers\n\nMessage-ID: <x@y>",
            b"message/rfc822\n\nMessage-ID: <%s@acme.fi>\n\nHei" % KEY.encode(),
        )
        assert report(whole).key == KEY

    def test_a_report_on_other_mail_is_kept_as_automatic(self) -> None:
        found = reply(dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi"))
        assert found.automatic
        assert found.key is None

    def test_a_customer_who_attaches_a_bounce_is_a_customer(self) -> None:
        message = EmailMessage()
        message.set_content("1 en saanut postia")
        attached = EmailMessage()
        attached.set_content("x")
        message.add_attachment(attached)
        inner = message.as_bytes().replace(b"\nx\n", b"\n" + dsn("Action: failed\nStatus: 5.1.1\n") + b"\n")
        assert reply(inner).text.startswith("1 en saanut postia")

    def test_bounces_from_before_the_standard_are_recognised(self) -> None:
        qmail = (
            "Return-Path: <>\nFrom: MAILER-DAEMON@firma.fi\n"
            f"To: vastaus+{KEY}@acme.fi\nSubject: failure notice\n\n"
            "Hi. This is the qmail-send program at firma.fi.\n"
            "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
            "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
            "<pekka@firma.fi>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy.\n"
        )
        found = report(qmail.encode())
        assert (found.status, found.reason) == (DeliveryStatus.FAILED, "bounce_5.1.1")
        assert found.address_unusable

    def test_a_vacation_note_is_no_bounce(self) -> None:
        assert reply(mail("Olen lomalla.", Return_Path="<>", Auto_Submitted="auto-replied (vacation)")).automatic

    def test_a_read_receipt_is_automatic(self) -> None:
        content = mail(
            "Your message was displayed",
            Content_Type='multipart/report; report-type=disposition-notification; boundary="B"',
        )
        assert reply(content).automatic


TOKENS = st.sampled_from(
    [
        b"From: ", b"To: ", b"Subject: ", b"Message-ID: ", b"Content-Type: ", b"Return-Path: <>\n", b"multipart/mixed", b"; boundary=b",
        b"multipart/alternative", b"multipart/report", b"message/delivery-status", b"message/rfc822", b"text/rfc822-headers", b"text/html",
        b"text/plain; charset=", b"utf-8", b"undefined", b"x-mac-roman", b"Content-Transfer-Encoding: ", b"base64", b"x-uuencode",
        b"quoted-printable", b"\n--b\n", b"\n--b--\n", b"\n\n", b"\r\n", b"\n", b"Action: failed\n", b"Status: 5.1.1\n", b"=?utf-8?b?", b"?=",
        b"MAILER-DAEMON@x.fi", b"<a@b.fi>", b"\xff\xfe", b"\x00", b"*0*=x''%", b"begin 644 x\n", b"=\n", b"<", b"\"", b";", b":", b"(", b"5",
        b"Content-Disposition: ", b"attachment; filename*0*=", b"References: ", b"Action: \n", b"Auto-Submitted: ", b"kirjoitti:\n",
    ]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=500), st.lists(TOKENS, max_size=60).map(b"".join)))
@example(b"Content-Type: message/delivery-status\n\n\n\nAction: failed\n")
def test_any_bytes_are_read_without_an_error(content: bytes) -> None:
    found = read_inbound(content, AT, ADDRESSING)
    if isinstance(found, Reply):
        for value in (found.text, found.raw, found.sender, found.provider_id, found.recipient or ""):
            value.encode()  # nothing that a database would refuse
            assert "\x00" not in value


@given(
    st.text(st.characters(categories=("L", "N"), max_codepoint=0x24F), min_size=1, max_size=50),
    st.sampled_from(["text/plain", "text/html"]),
)
def test_words_are_never_lost(words: str, kind: str) -> None:
    message = EmailMessage()
    message.set_content(words, subtype=kind.removeprefix("text/"))
    message["From"] = "pekka@firma.fi"
    assert reply(message.as_bytes()).text == words
