"""What a delivery report says of a survey, when it is about one at all, and when an address is given up."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hub_email.addressing import Addressing, parse_mailbox
from hub_email.replies import read_inbound

from hub import DeliveryReport, DeliveryStatus, Reply

KEY = "abcdefghij234567abcd"
AT = datetime(2026, 6, 1, 10, 15, tzinfo=UTC)
ADDRESSING = Addressing(parse_mailbox("Acme <survey@acme.fi>"), parse_mailbox("vastaus@acme.fi"), "+")


def report(content: bytes) -> DeliveryReport:
    found = read_inbound(content, AT, ADDRESSING)
    assert isinstance(found, DeliveryReport)
    return found


def reply(content: bytes) -> Reply:
    found = read_inbound(content, AT, ADDRESSING)
    assert isinstance(found, Reply)
    return found


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


@pytest.mark.parametrize(
    ("fields", "status", "reason", "unusable"),
    [
        ("Action: failed\nStatus: 5.1.1\n", "failed", "bounce_5.1.1", True),
        ("Action: failed\nStatus: 5.1.2\n", "failed", "bounce_5.1.2", True),
        ("Action: failed\nStatus: 5.1.10\n", "failed", "bounce_5.1.10", True),
        ("Action: failed\nStatus: 5.1.0\n", "failed", "bounce_5.1.0", False),
        ("Action: failed\nStatus: 5.1.8\n", "failed", "bounce_5.1.8", False),
        ("Action: failed\nStatus: 5.2.2\n", "failed", "bounce_5.2.2", False),
        ("Action: failed\nStatus: 5.2.1\n", "failed", "bounce_5.2.1", False),
        ("Action: failed\nStatus: 5.4.1\n", "failed", "bounce_5.4.1", False),
        ("Action: failed\nStatus: 5.4.4\n", "failed", "bounce_5.4.4", False),
        ("Action: failed\nStatus: 5.7.1\n", "failed", "bounce_5.7.1", False),
        ("Action: failed\nStatus: 4.1.1\n", "failed", "bounce_4.1.1", False),
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
def test_action_and_status_decide(fields: str, status: str, reason: str, unusable: bool) -> None:
    found = report(dsn(fields))
    assert (found.key, found.provider_id, found.at) == (KEY, f"<{KEY}@acme.fi>", AT)
    assert (found.status, found.reason, found.address_unusable) == (DeliveryStatus(status), reason, unusable)


def test_a_delay_is_no_news() -> None:
    assert read_inbound(dsn("Action: delayed\nStatus: 4.2.1\nWill-Retry-Until: x\n"), AT, ADDRESSING) is None


def test_one_failure_among_several_recipients_counts() -> None:
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
def test_the_key_is_found_without_a_plus_address(source: dict[str, str]) -> None:
    assert report(dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi", **source)).key == KEY


def test_the_key_is_found_in_the_returned_mail() -> None:
    content = dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi")
    whole = content.replace(
        b"text/rfc822-headers\n\nMessage-ID: <x@y>",
        b"message/rfc822\n\nMessage-ID: <%s@acme.fi>\n\nHei" % KEY.encode(),
    )
    assert report(whole).key == KEY


def test_a_report_on_other_mail_is_kept_as_automatic() -> None:
    found = reply(dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi"))
    assert found.automatic
    assert found.key is None


def test_a_customer_who_attaches_a_bounce_is_a_customer() -> None:
    message = EmailMessage()
    message.set_content("1 en saanut postia")
    attached = EmailMessage()
    attached.set_content("x")
    message.add_attachment(attached)
    inner = message.as_bytes().replace(b"\nx\n", b"\n" + dsn("Action: failed\nStatus: 5.1.1\n") + b"\n")
    assert reply(inner).text.startswith("1 en saanut postia")


def test_bounces_from_before_the_standard_are_recognised() -> None:
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


VACATION = (
    f"From: pekka@firma.fi\nTo: vastaus+{KEY}@acme.fi\nReturn-Path: <>\nAuto-Submitted: auto-replied (vacation)\n"
    "Subject: Poissa\n\nOlen lomalla. 5.1.1 on huoneeni.\n"
)


def test_a_vacation_note_is_no_bounce() -> None:
    assert reply(VACATION.encode()).automatic


@pytest.mark.parametrize(
    ("recipients", "unusable"),
    [
        ("Original-Recipient: rfc822; Pekka@firma.fi\n", True),
        ("Original-Recipient: rfc822;boss@firma.fi\n", False),
        ("Original-Recipient: unknown\n", True),
    ],
)
def test_an_address_that_passes_mail_on_to_a_dead_one_is_not_dead(recipients: str, unusable: bool) -> None:
    found = report(dsn(f"{recipients}Action: failed\nStatus: 5.1.1\n"))
    assert (found.status, found.address_unusable) == (DeliveryStatus.FAILED, unusable)


def test_an_address_with_a_sign_that_reports_encode_is_the_same() -> None:
    content = dsn("Original-Recipient: rfc822;pekka+2Bwork@firma.fi\nAction: failed\nStatus: 5.1.1\n")
    assert report(content.replace(b"; pekka@", b"; pekka+work@")).address_unusable


PERSON = "From: Pekka <pekka@firma.fi>\nReturn-Path: <pekka@firma.fi>"


@pytest.mark.parametrize(
    "content",
    [
        dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi"),
        dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi", returned=f"Message-ID: <{KEY}@evil.example>\n"),
        dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi", per_message=f"Original-Envelope-Id: {KEY}\n"),
        dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus@acme.fi", returned=f"Subject: {KEY}@acme.fi\n"),
        dsn("Action: failed\nStatus: 5.1.1\n", to="vastaus+guessed@acme.fi"),
    ],
    ids=["no key", "another domain's id", "a bare key", "a key elsewhere", "a wrong key"],
)
def test_a_bounce_that_names_no_mail_of_ours_changes_nothing(content: bytes) -> None:
    assert reply(content).automatic


def test_a_bounce_that_a_person_passed_on_is_the_persons_mail() -> None:
    content = dsn("Action: failed\nStatus: 5.1.1\n").decode()
    content = content.replace("Return-Path: <>\nFrom: MAILER-DAEMON@mail.firma.fi", PERSON)
    content = content.replace("multipart/report; report-type=delivery-status;", "multipart/mixed;")
    found = reply(content.replace("Auto-Submitted: auto-replied\n", "").encode())
    assert (found.sender, found.automatic) == ("pekka@firma.fi", False)


@pytest.mark.parametrize("text", ["Ei mennyt perille (5.1.1)", "550 5.1.1 User unknown\nAction: failed\nStatus: 5.1.1"])
def test_a_person_who_writes_of_a_bounce_is_a_person(text: str) -> None:
    content = f"{PERSON}\nTo: vastaus+{KEY}@acme.fi\nSubject: Undelivered Mail Returned to Sender\n\n1 {text}"
    found = reply(content.encode())
    assert (found.text, found.automatic) == (f"1 {text}", False)
