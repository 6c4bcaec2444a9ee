"""Which mail no person wrote: out-of-office notes, receipts and calendar answers, in three languages; and which not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hub_email.addressing import Addressing, parse_mailbox
from hub_email.replies import read_inbound

from hub import Reply

KEY = "abcdefghij234567abcd"
AT = datetime(2026, 6, 1, 10, 15, tzinfo=UTC)
ADDRESSING = Addressing(parse_mailbox("Acme <survey@acme.fi>"), parse_mailbox("vastaus@acme.fi"), "+")


def read(body: str, **headers: str) -> Reply:
    fields = {
        "From": "Pekka Virtanen <pekka@firma.fi>",
        "To": f"Acme <vastaus+{KEY}@acme.fi>",
        "Subject": "Re: Miten meni?",
        "In-Reply-To": f"<{KEY}@acme.fi>",
        "Content-Type": 'text/plain; charset="utf-8"',
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = "".join(f"{name}: {value}\n" for name, value in fields.items() if value) + f"\n{body}"
    found = read_inbound(content.encode(), AT, ADDRESSING)
    assert isinstance(found, Reply)
    return found


BY_HEADER = [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-generated; owner-email=x@y.fi"},
    {"Auto_Submitted": "Auto-Replied (vacation)"},
    {"Auto_Submitted": "auto-generated", "X_Auto_Response_Suppress": "All"},  # Exchange
    {"Return_Path": "<>"},
    {"Precedence": "auto_reply"},
    {"Precedence": "Bulk"},
    {"Precedence": "junk"},
    {"X_Autoreply": "yes"},
    {"X_Autoreply_From": "pekka@firma.fi"},
    {"X_Autorespond": "Miten meni?"},
    {"X_Mail_Autoreply": "vacation"},
    {"List_Id": "<news.firma.fi>"},
    {"From": "no-reply@firma.fi"},
    {"From": "Mail Delivery System <MAILER-DAEMON@firma.fi>"},
]


@pytest.mark.parametrize("headers", BY_HEADER, ids=str)
def test_a_machine_is_known_by_the_header(headers: dict[str, str]) -> None:
    assert read("Olen lomalla 1.-31.7.", **headers).automatic


BY_SUBJECT = [
    "Automaattinen vastaus: Miten meni?",
    "Poissa: Miten meni?",
    "Poissaolo: Miten meni?",
    "Poissaoloviesti",
    "Automatiskt svar: Hur gick det?",
    "Autosvar: Hur gick det?",
    "Frånvaro: Hur gick det?",
    "Frånvaromeddelande: Hur gick det?",
    "=?utf-8?q?Fr=C3=A5nvaromeddelande=3A_Hur_gick_det=3F?=",
    "Automatic reply: How did it go?",
    "Auto-reply: How did it go?",
    "Out of office: How did it go?",
    "Out of Office AutoReply: How did it go?",
    "Out of the office",
    "Automatische Antwort: Wie war es?",
]


@pytest.mark.parametrize("subject", BY_SUBJECT)
def test_a_note_without_any_header_is_known_by_its_subject(subject: str) -> None:
    found = read("Olen lomalla 1.-31.7.", Subject=subject)
    assert found.automatic
    assert found.text


BY_PEOPLE = [
    {"Subject": "Re: Automaattinen vastaus: Miten meni?"},
    {"Subject": "SV: Autosvar: Hur gick det?"},
    {"Subject": "Poissa oli apu"},
    {"Subject": "Out of office hours nobody answers"},
    {"Subject": "Frånvaron av svar var irriterande"},
    {"Subject": "Automatic reply would have been better"},
    {"Subject": "Re: How did it go? (out of office)"},
    {"X_Auto_Response_Suppress": "All"},
    {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"},
    {"Auto_Submitted": "no"},
    {"X_Autoreply": "no"},
    {"Precedence": "first-class"},
    {"Return_Path": "<pekka@firma.fi>"},
    {"From": "Postmaster Pat <pat@firma.fi>"},
]
AWAY_WORDS = "2. Automaattinen vastaus tuli heti, ihminen ei. Out of office, autosvar, poissa."


@pytest.mark.parametrize("headers", BY_PEOPLE, ids=str)
def test_a_person_who_uses_such_words_is_a_person(headers: dict[str, str]) -> None:
    found = read(AWAY_WORDS, **headers)
    assert not found.automatic
    assert found.text == AWAY_WORDS


def multipart(kind: str, *parts: str) -> dict[str, str]:
    body = "".join(f"--B\n{part}\n" for part in parts)
    return {"body": f"{body}--B--\n", "Content_Type": f'{kind}; boundary="B"'}


PLAIN = "Content-Type: text/plain\n\n5 kiitos"
CALENDAR = "Content-Type: text/calendar; charset=utf-8; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR"
RECEIPT = "Content-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n"


def test_an_answer_to_an_invitation_is_automatic() -> None:
    assert read(**multipart("multipart/alternative", PLAIN, CALENDAR), Subject="Hyväksytty: Miten meni?").automatic
    assert read("BEGIN:VCALENDAR", Content_Type="text/calendar; method=COUNTER").automatic


def test_a_person_who_attaches_a_calendar_is_a_person() -> None:
    attached = CALENDAR.replace("\n\n", '\nContent-Disposition: attachment; filename="loma.ics"\n\n', 1)
    found = read(**multipart("multipart/mixed", PLAIN, attached))
    assert (found.automatic, found.text) == (False, "5 kiitos")


@pytest.mark.parametrize("subject", ["Luettu: Miten meni?", "Läst: Hur gick det?", "Read: How did it go?"])
def test_a_read_receipt_is_no_news(subject: str) -> None:
    parts = multipart("multipart/report; report-type=disposition-notification", PLAIN, RECEIPT)
    body, kind = parts["body"], parts["Content_Type"]
    content = f"From: pekka@firma.fi\nTo: vastaus+{KEY}@acme.fi\nSubject: {subject}\nContent-Type: {kind}\n\n{body}"
    assert read_inbound(content.encode(), AT, ADDRESSING) is None


def test_the_unsubscribe_button_counts_though_a_machine_sent_the_mail() -> None:
    found = read("This message was sent by your mail program.", Subject="unsubscribe", Auto_Submitted="auto-generated")
    assert (found.automatic, found.text, found.key) == (False, "unsubscribe", KEY)
