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

from hub import Channel, Reply

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

    @pytest.mark.parametrize(
        ("headers", "sender"),
        [
            ({"From": "pekka@firma.fi <other@x.fi>"}, "other@x.fi"),
            ({"From": "Pekka <pekka@firma.fi>", "Reply_To": "other@x.fi", "Sender": "other@x.fi"}, "pekka@firma.fi"),
            ({"From": "other@x.fi, pekka@firma.fi"}, ""),
            ({"From": "other@x.fi, pekka@firma.fi", "Sender": "pekka@firma.fi"}, "pekka@firma.fi"),
            ({"From": "", "Sender": "pekka@firma.fi"}, ""),
        ],
        ids=str,
    )
    def test_the_sender_is_the_one_author(self, headers: dict[str, str], sender: str) -> None:
        assert reply(mail(**headers)).sender == sender

    def test_without_message_id_the_content_identifies_it(self) -> None:
        first, second = mail("5", Message_ID=""), mail("4", Message_ID="")
        assert reply(first).provider_id == reply(first).provider_id
        assert reply(first).provider_id != reply(second).provider_id

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

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ("4, muuten hyvin \nmutta hidas.\n", "4, muuten hyvin mutta hidas."),
            ("4\n\nHyvin \nmeni.\n Kiitos\n-- \nPekka\n", "4\n\nHyvin meni.\nKiitos"),
            (
                "5\n\nOn 6/1/26 10:15, Acme \nService Desk wrote:\n> Miten \n> meni?\nHyvin \n>> vanha \n> uusi\n",
                "5\n\nHyvin",
            ),
        ],
    )
    def test_lines_that_a_program_wrapped_are_whole_again(self, body: str, text: str) -> None:
        assert reply(mail(body, Content_Type="text/plain; charset=utf-8; format=flowed")).text == text
        spaced = body.replace(" \n", "  \n").replace("--  \n", "-- \n")
        assert reply(mail(spaced, Content_Type="text/plain; charset=utf-8; format=Flowed; DelSp=Yes")).text == text

    def test_lines_that_the_customer_ended_stay_lines(self) -> None:
        assert reply(mail("5 \nkiitos\n")).text == "5\nkiitos"

    @pytest.mark.parametrize("junk", ["\ufeff", "\u200b\xa0", "\u200e\u202a ", "\xa0\n\ufeff\n", "\u2060\t"])
    def test_nothing_invisible_stands_before_the_words(self, junk: str) -> None:
        assert reply(mail(f"{junk}5 kiitos\n")).text == "5 kiitos"
        assert reply(mail(f"<div>{junk}5 kiitos</div>", Content_Type="text/html; charset=utf-8")).text == "5 kiitos"

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
