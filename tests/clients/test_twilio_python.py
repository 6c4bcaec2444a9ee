"""Twilio's own Python library against the simulated account, and its validator against the gateway's signatures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hub_twilio.config import TwilioConfig
from hub_twilio.gateway import TwilioGateway
from hub_twilio.signature import sign, signed_form
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox import twilio as simulated
from sandbox.twilio import ACCOUNT, API_KEY, API_SECRET, NUMBER, SERVICE, TOKEN, TwilioSite
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client

from hub import Webhook, WebhookRefused
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext
from tests.clients.conftest import Serve

CUSTOMER = "+358401234567"
HOOK = "https://survey.example/hooks/sms"
URLS = [
    f"{HOOK}/inbound", f"{HOOK}/inbound?tenant=acme&x=%C3%A4", "https://survey.example:443/hooks/sms/inbound",
    "http://survey.example/hooks/sms/inbound", "http://survey.example:80/x", "https://survey.example:8443/x",
]  # fmt: skip


class Nearby(TwilioHttpClient):
    """Sends the library's requests to this machine instead."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        where = urlsplit(url)
        assert where.hostname in {"api.twilio.com", "messaging.twilio.com"}
        query = f"?{where.query}" if where.query else ""
        return super().request(method, f"{self._base_url}{where.path}{query}", *args, **kwargs)


@pytest.fixture
def site(fake_clock: FakeClock) -> TwilioSite:
    return TwilioSite(clock=fake_clock.now, inbound_url=f"{HOOK}/inbound")


@pytest.fixture
def connect(site: TwilioSite, serve: Serve) -> Callable[..., Client]:
    base_url = serve(site.app)
    return lambda *login: Client(*login, http_client=Nearby(base_url))


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect(ACCOUNT, TOKEN)


def test_a_message_is_taken_and_shown(client: Client, site: TwilioSite) -> None:
    sent = client.messages.create(
        to=CUSTOMER, from_=NUMBER, body="Hyvää päivää 👍", status_callback=f"{HOOK}/status/x#rc=5&rp=all"
    )
    assert (sent.status, sent.num_segments, sent.direction, sent.error_code) == ("queued", "1", "outbound-api", None)
    assert (sent.date_sent, sent.date_created) == (None, site.clock())
    site.move(sent.sid or "", "undelivered", 30005)
    shown = client.messages(sent.sid or "").fetch()
    assert (shown.body, shown.status, shown.error_code) == ("Hyvää päivää 👍", "undelivered", 30005)
    assert (shown.to, shown.from_, shown.date_sent) == (CUSTOMER, NUMBER, site.clock())


def test_an_api_key_signs_in(connect: Callable[..., Client]) -> None:
    assert connect(API_KEY, API_SECRET, ACCOUNT).messages.list() == []


def test_refusals_are_understood(client: Client, connect: Callable[..., Client], site: TwilioSite) -> None:
    site.opted_out.add((CUSTOMER, NUMBER))
    for call, status, code in (
        (lambda: client.messages.create(to=CUSTOMER, from_=NUMBER, body="x"), 400, 21610),
        (lambda: client.messages.create(to="0401234567", from_=NUMBER, body="x"), 400, 21211),
        (lambda: client.messages("SM" + "0" * 32).fetch(), 404, 20404),
        (connect(ACCOUNT, "wrong").messages("SM" + "0" * 32).fetch, 401, 20003),
    ):
        with pytest.raises(TwilioRestException) as caught:
            call()
        assert (caught.value.status, caught.value.code) == (status, code)


def test_lists_are_walked_page_by_page_and_filtered(client: Client, site: TwilioSite, fake_clock: FakeClock) -> None:
    began = fake_clock.now()
    for number in range(7):
        site.write(CUSTOMER, str(number))
        fake_clock.advance(timedelta(days=1))
    client.messages.create(to=CUSTOMER, from_=NUMBER, body="queued")
    assert [one.body for one in client.messages.list(page_size=3)] == ["queued", *"6543210"]
    assert [one.body for one in client.messages.list(to=CUSTOMER)] == ["queued"]
    assert [one.body for one in client.messages.list(from_=CUSTOMER, limit=2)] == ["6", "5"]
    after, before = began + timedelta(days=2), began + timedelta(days=3, hours=1)
    assert [one.body for one in client.messages.list(date_sent_after=after)] == ["6", "5", "4", "3", "2"]
    assert "0" in [one.body for one in client.messages.list(date_sent_before=before)]


def test_senders_are_shown(client: Client, site: TwilioSite) -> None:
    [number] = client.incoming_phone_numbers.list(phone_number=NUMBER)
    assert (number.phone_number, number.capabilities["sms"], number.sms_url) == (NUMBER, True, site.inbound_url)
    service = client.messaging.v1.services(SERVICE)
    assert service.fetch().inbound_request_url == site.inbound_url
    assert [one.phone_number for one in service.phone_numbers.list()] == [NUMBER]


def _gateway() -> TwilioGateway:
    config = TwilioConfig.model_validate({"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER})
    return TwilioGateway(config, FakeContext(hook_url=HOOK))


async def test_the_librarys_validator_and_the_gateway_believe_what_the_account_signs(site: TwilioSite) -> None:
    text = site.create(
        {"To": CUSTOMER, "From": NUMBER, "Body": "x", "StatusCallback": f"{HOOK}/status/{'a' * 20}#rc=5"}
    )
    for delivery in (site.write(CUSTOMER, "5 Hyvää työtä! 👍"), site.move(text.sid, "undelivered", 30003)):
        assert delivery is not None
        given_signature = delivery.headers["x-twilio-signature"]
        assert RequestValidator(TOKEN).validate(delivery.url, dict(delivery.form), given_signature)
        path = delivery.url.removeprefix(f"{HOOK}/")
        request = Webhook(
            method="POST", path=path, headers=delivery.headers, body=delivery.body, url=delivery.url
        )  # fmt: skip
        inbound = await _gateway().receive(request)
        assert len(inbound.replies) + len(inbound.reports) == 1


FORMS = st.lists(st.tuples(st.text("aBä&=+ ", min_size=1, max_size=4), st.text("xÄ&=+\n👍", max_size=6)), max_size=6)


class Multi:
    """A form with repeated names, as web frameworks hand it to the library."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __iter__(self) -> Any:
        return iter([name for name, _ in self._pairs])

    def __len__(self) -> int:
        return len(self._pairs)

    def getall(self, wanted: str) -> list[str]:
        return [value for name, value in self._pairs if name == wanted]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=FORMS, url=st.sampled_from(URLS), algorithm=st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]))
def test_signatures_agree_in_both_directions(form: list[tuple[str, str]], url: str, algorithm: str) -> None:
    validator, key = RequestValidator(TOKEN), TOKEN
    ours, theirs = sign(url, form, key, algorithm), validator.compute_signature(url, Multi(form), algorithm)
    assert ours == theirs == simulated.sign(url, form, key, algorithm)
    assert validator.validate(url, Multi(form), ours, algorithm)
    for other in URLS:
        for believed_url, signed_url in ((url, other), (other, url)):
            signature = validator.compute_signature(signed_url, Multi(form), algorithm)
            expected = validator.validate(believed_url, Multi(form), signature, algorithm)
            assert _believes(believed_url, form, signature, algorithm) == expected


def _believes(url: str, form: list[tuple[str, str]], signature: str, algorithm: str) -> bool:
    named = f"key=k,algorithm={algorithm}"
    assert get_signature_algorithm(named) == algorithm
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature,
        "x-twilio-webhooks-signature-settings": named,
    }
    body = simulated.Delivery(url, form, TOKEN).body
    assert parse_qsl(body.decode(), keep_blank_values=True) == form
    request = Webhook(method="POST", path="inbound", headers=headers, body=body, url=url)
    sha1, sha256 = (TOKEN, None) if algorithm == "HMAC_SHA1" else ("another-token-of-16", TOKEN)
    try:
        signed_form(request, sha1, sha256)
    except WebhookRefused:
        return False
    return True
