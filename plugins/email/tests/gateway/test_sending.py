"""Sending over a real SMTP server: what arrives, and what becomes of every way in which it can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hub_email.gateway import EmailGateway

from hub import (
    AuthFailed,
    DeliveryStatus,
    Message,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from hub.testing.redaction import assert_redacted

KEY = "abcdefghij234567abcd"
MESSAGE = Message(
    key=KEY,
    recipient="pekka@firma.fi",
    text="Hei!\n.Piste rivin alussa säilyy\nVastaa 1–5.",
    html="<p>Hei!</p>",
    subject="Miten meni?",
    unsubscribe_url=f"https://survey.acme.fi/u/{KEY}",
)
Make = Callable[[dict[str, Any]], EmailGateway]


@pytest.mark.parametrize("security", ["starttls", "tls", "plain"])
async def test_a_survey_arrives_over_each_kind_of_connection(submission: Any, gateway_for: Make, security: str) -> None:
    await submission.start(security=security, auth=True)
    gateway = gateway_for(submission.settings())
    receipt = await gateway.send(MESSAGE)
    assert (receipt.key, receipt.status, receipt.provider_id) == (KEY, DeliveryStatus.SENT, f"<{KEY}@acme.fi>")
    [envelope], [mail] = submission.envelopes, submission.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == (f"vastaus+{KEY}@acme.fi", ["pekka@firma.fi"])
    assert submission.mail_commands == [
        f"FROM:<vastaus+{KEY}@acme.fi> RET=HDRS ENVID={KEY}@acme.fi",
    ]
    assert submission.logins == 1
    assert mail["Message-ID"] == receipt.provider_id
    assert mail.get_body(("plain",)).get_content().splitlines() == MESSAGE.text.splitlines()
    await gateway.close()


class TestProtection:
    async def test_a_server_without_starttls_gets_nothing(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="stripped", auth=True)
        with pytest.raises(Unavailable, match="does not offer STARTTLS") as caught:
            await gateway_for(submission.settings()).send(MESSAGE)
        assert 'smtp_security = "tls"' in str(caught.value)
        assert (submission.logins, submission.mail_commands) == (0, [])

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_an_unknown_authority_is_not_trusted(self, submission: Any, gateway_for: Make, security: str) -> None:
        await submission.start(security=security, auth=True)
        with pytest.raises(Unavailable, match="'ca_file'"):
            await gateway_for(submission.settings(ca_file=None)).send(MESSAGE)
        assert (submission.logins, submission.mail_commands) == (0, [])

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_another_name_is_not_trusted(self, submission: Any, gateway_for: Make, security: str) -> None:
        await submission.start(security=security)
        with pytest.raises(Unavailable, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted"):
            await gateway_for(submission.settings(smtp_host="127.0.0.1")).send(MESSAGE)

    async def test_an_authority_file_that_holds_no_certificate_is_told(
        self, submission: Any, gateway_for: Make, tmp_path: Path
    ) -> None:
        await submission.start(security="tls")
        (tmp_path / "ca.pem").write_text("nothing")
        with pytest.raises(Unavailable, match="'ca_file' cannot be read"):
            await gateway_for(submission.settings(ca_file=str(tmp_path / "ca.pem"))).send(MESSAGE)


class TestLogin:
    async def test_a_wrong_password_is_told_without_it(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="starttls", auth=True)
        with pytest.raises(AuthFailed, match=r"refused the login \(535 5.7.8\)") as caught:
            await gateway_for(submission.settings(smtp_password="wrong-password")).send(MESSAGE)
        assert_redacted([caught.value], "wrong-password")

    async def test_a_server_without_login_is_told(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="plain", auth=False)
        settings = submission.settings(smtp_username="hub", smtp_password="secret")
        with pytest.raises(AuthFailed, match="offers no login"):
            await gateway_for(settings).send(MESSAGE)

    async def test_a_passing_trouble_with_logins_is_no_refusal(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="plain", auth=True)
        submission.answers["AUTH"] = "454 4.7.0 Temporary authentication failure"
        with pytest.raises((Unavailable, RateLimited)):
            await gateway_for(submission.settings()).send(MESSAGE)


REFUSALS = [
    ("CONNECT", "554 no SMTP service here", Unavailable, None),
    ("CONNECT", "421 4.3.2 shutting down", Unavailable, None),
    ("CONNECT", "421 4.7.0 too many connections", RateLimited, None),
    ("CONNECT", "drop", Unavailable, None),
    ("CONNECT", "<html>", Unexpected, None),
    ("MAIL", "450 4.7.1 too fast", RateLimited, None),
    ("MAIL", "451 4.3.0 disk full", Unavailable, None),
    ("MAIL", "421 4.3.2 shutting down", Unavailable, None),
    ("MAIL", "530 5.7.0 authentication required", AuthFailed, None),
    ("MAIL", "550 5.1.1 such a sender is not known", Rejected, ("smtp_550_5.1.1", False)),
    ("MAIL", "553 5.7.1 sender not allowed", Rejected, ("smtp_553_5.7.1", False)),
    ("MAIL", "drop", Unavailable, None),
    ("RCPT", "450 4.2.0 <pekka@firma.fi> Greylisted, see http://x", Unavailable, None),
    ("RCPT", "450 4.7.1 <pekka@firma.fi> Greylisting in action", Unavailable, None),
    ("RCPT", "452 4.2.2 mailbox full", Unavailable, None),
    ("RCPT", "550 5.1.1 <pekka@firma.fi> unknown", Rejected, ("smtp_550_5.1.1", True)),
    ("RCPT", "550 #5.1.10 not found", Rejected, ("smtp_550_5.1.10", True)),
    ("RCPT", "550 <pekka@firma.fi> unknown", Rejected, ("smtp_550", False)),
    ("RCPT", "552 5.2.2 mailbox full", Rejected, ("smtp_552_5.2.2", False)),
    ("RCPT", "554 5.7.1 <pekka@firma.fi>: Relay access denied", AuthFailed, None),
    ("RCPT", "554 5.7.1 <pekka@firma.fi> refused by policy", Rejected, ("smtp_554_5.7.1", False)),
    ("RCPT", "550 blocked, see 5.1.1.7 at 192.5.1.1", Rejected, ("smtp_550", False)),
    ("RCPT", "drop", Unavailable, None),
    ("DATA", "451 4.3.0 try again", Unavailable, None),
    ("DATA", "554 5.7.1 looks like spam, pekka@firma.fi", Rejected, ("smtp_554_5.7.1", False)),
    ("DATA", "drop", OutcomeUnknown, None),
    ("DATA", "<html>", OutcomeUnknown, None),
]


@pytest.mark.parametrize(("stage", "answer", "error", "refusal"), REFUSALS, ids=[f"{s} {a}" for s, a, *_ in REFUSALS])
async def test_each_answer_has_its_error(
    submission: Any,
    gateway_for: Make,
    stage: str,
    answer: str,
    error: type[RemoteError],
    refusal: tuple[str, bool] | None,
) -> None:
    submission.answers[stage] = answer
    await submission.start()
    gateway = gateway_for(submission.settings())
    with pytest.raises(error) as caught:
        await gateway.send(MESSAGE)
    assert type(caught.value) is error
    assert_redacted([caught.value], "pekka@firma.fi")
    if isinstance(caught.value, Rejected):
        assert (caught.value.reason, caught.value.address_unusable) == refusal
    submission.answers.clear()
    await gateway.send(MESSAGE)
    await gateway.close()


@pytest.mark.parametrize(("stage", "error"), [("MAIL", Unavailable), ("RCPT", Unavailable), ("DATA", OutcomeUnknown)])
async def test_a_silent_server_is_given_up(
    submission: Any, gateway_for: Make, stage: str, error: type[RemoteError]
) -> None:
    submission.answers[stage] = "hang"
    await submission.start()
    with pytest.raises(error):
        await gateway_for(submission.settings(timeout="100ms")).send(MESSAGE)


async def test_nobody_listening_is_unavailable(submission: Any, gateway_for: Make) -> None:
    await submission.start()
    await submission.stop()
    with pytest.raises(Unavailable, match=r"no connection to localhost:\d+ \(ConnectionRefusedError\)"):
        await gateway_for(submission.settings()).send(MESSAGE)


@pytest.mark.parametrize(
    "recipient", ["", "pekka", "pekka@", "@firma.fi", "a b@firma.fi", "ä@firma.fi", "a@b\r\nRCPT TO:<x@y>"]
)
async def test_what_is_no_address_never_reaches_the_server(submission: Any, gateway_for: Make, recipient: str) -> None:
    await submission.start()
    message = Message(key=KEY, recipient=recipient, text="Hei")
    with pytest.raises(Rejected) as caught:
        await gateway_for(submission.settings()).send(message)
    assert caught.value.reason == "bad_address"
    assert submission.connections == 0


class TestPool:
    async def test_many_mails_share_few_connections(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="starttls", auth=True)
        gateway = gateway_for(submission.settings(max_connections=2))
        await asyncio.gather(*(gateway.send(MESSAGE) for _ in range(20)))
        assert len(submission.envelopes) == 20
        assert submission.connections == submission.most_at_once == 2
        await gateway.close()

    async def test_a_connection_is_replaced_after_its_share(self, submission: Any, gateway_for: Make) -> None:
        await submission.start()
        gateway = gateway_for(submission.settings(messages_per_connection=3))
        for _ in range(7):
            await gateway.send(MESSAGE)
        assert submission.connections == 3
        assert submission.most_at_once == 1
        await gateway.close()

    async def test_a_connection_closed_while_idle_is_replaced(self, submission: Any, gateway_for: Make) -> None:
        await submission.start()
        gateway = gateway_for(submission.settings(max_connections=2))
        await asyncio.gather(gateway.send(MESSAGE), gateway.send(MESSAGE))
        submission.hang_up()
        await gateway.send(MESSAGE)
        assert len(submission.envelopes) == 3
        await gateway.close()

    async def test_a_server_that_restarted_is_found_again(self, submission: Any, gateway_for: Make) -> None:
        await submission.start()
        gateway = gateway_for(submission.settings())
        await gateway.send(MESSAGE)
        await submission.stop()
        with pytest.raises(Unavailable):
            await gateway.send(MESSAGE)
        await submission.start()
        await gateway.send(MESSAGE)
        assert len(submission.envelopes) == 2
        await gateway.close()

    async def test_a_refused_mail_leaves_its_connection_to_the_next(self, submission: Any, gateway_for: Make) -> None:
        await submission.start()
        submission.refused["gone@firma.fi"] = "550 5.1.1 unknown"
        gateway = gateway_for(submission.settings())
        with pytest.raises(Rejected):
            await gateway.send(Message(key=KEY, recipient="gone@firma.fi", text="Hei"))
        await gateway.send(MESSAGE)
        assert submission.connections == 1
        assert submission.envelopes[0].rcpt_tos == ["pekka@firma.fi"]
        await gateway.close()

    async def test_a_cancelled_send_spoils_nothing(self, submission: Any, gateway_for: Make) -> None:
        await submission.start()
        submission.answers["RCPT"] = "hang"
        gateway = gateway_for(submission.settings(max_connections=1))
        sending = asyncio.create_task(gateway.send(MESSAGE))
        await asyncio.wait_for(submission.hanging.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        submission.answers.clear()
        await gateway.send(MESSAGE)
        assert len(submission.envelopes) == 1
        await gateway.close()


class TestCheck:
    async def test_good_settings_are_proved_without_sending(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="starttls", auth=True)
        smtp, imap = await gateway_for(submission.settings()).check()
        assert smtp.ok
        assert "starttls, signed in" in smtp.detail
        assert "not read" in imap.detail
        assert (submission.logins, submission.mail_commands) == (1, [])

    async def test_a_refused_login_is_a_finding(self, submission: Any, gateway_for: Make) -> None:
        await submission.start(security="starttls", auth=True)
        smtp, _ = await gateway_for(submission.settings(smtp_password="wrong")).check()
        assert not smtp.ok
        assert "refused the login" in smtp.detail


async def test_a_repeated_mail_has_the_same_message_id(submission: Any, gateway_for: Make) -> None:
    await submission.start()
    for _ in range(2):
        gateway = gateway_for(submission.settings())
        await gateway.send(MESSAGE)
        await gateway.close()
    first, second = submission.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"].datetime == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
