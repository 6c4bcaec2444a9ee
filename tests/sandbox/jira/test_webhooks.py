"""What the sites tell others."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

import httpx
from sandbox.jira.webhooks import sign

from tests.sandbox.jira.conftest import V3, World

URL = "https://hub.example/hooks/jira"


def test_the_signature_of_the_contract() -> None:
    body = b'{"timestamp":1772360130123,"webhookEvent":"jira:issue_updated","issue":{"id":"10231","key":"SUP-42"}}'
    assert sign("s3cr3t", body) == "sha256=b49bae1aca93a7202055ba8c47f2413ac5ac553aaf6606bc3c4ee8518b901118"


async def test_an_admin_webhook_is_signed_over_its_raw_body(cloud: World) -> None:
    cloud.site.webhooks.register(URL, secret="s3cr3t", jql_filter="project = SUP AND statusCategory = Done")
    (delivery,) = cloud.site.webhooks.deliver(cloud.closed()[0])
    digest = hmac.new(b"s3cr3t", delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers["x-hub-signature"] == f"sha256={digest}"
    assert (delivery.method, delivery.path, delivery.headers["x-atlassian-webhook-flow"]) == (
        "POST", "/hooks/jira", "Primary",
    )  # fmt: skip
    body = json.loads(delivery.body)
    assert (body["webhookEvent"], body["issue"]["key"]) == ("jira:issue_updated", "SUP-1")
    assert body["changelog"]["items"][0]["toString"] == "Resolved"
    assert "matchedWebhookIds" not in body


async def test_only_wanted_issues_and_events_are_told(cloud: World) -> None:
    cloud.site.webhooks.register(URL, events=["jira:issue_updated"], jql_filter="project = DEV")
    cloud.site.webhooks.register(URL, events=["jira:issue_deleted"])
    issue = cloud.closed()[0]
    assert cloud.site.webhooks.deliver(issue) == []
    assert len(cloud.site.webhooks.deliver(issue, "jira:issue_deleted", flow="Secondary")) == 1


async def test_attempts_share_an_identifier_and_stop_at_success(cloud: World) -> None:
    cloud.site.webhooks.register(URL)
    (delivery,) = cloud.site.webhooks.deliver(cloud.closed()[0])
    seen: list[httpx.Request] = []
    answers = iter([503, 429, 200])

    def receive(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(next(answers))

    async with httpx.AsyncClient(transport=httpx.MockTransport(receive)) as client:
        assert await delivery.send(client) == [503, 429, 200]
    assert len({request.headers["x-atlassian-webhook-identifier"] for request in seen}) == 1
    assert [request.headers.get("x-atlassian-webhook-retry") for request in seen] == [None, "1", "2"]


async def test_a_refusal_is_not_repeated_and_an_outage_is_given_up(cloud: World) -> None:
    cloud.site.webhooks.register(URL)
    (delivery,) = cloud.site.webhooks.deliver(cloud.closed()[0])

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    for act, statuses in ((lambda request: httpx.Response(403), [403]), (lost, [0] * 5)):
        async with httpx.AsyncClient(transport=httpx.MockTransport(act)) as client:
            assert await delivery.send(client) == statuses


async def test_dynamic_webhooks_belong_to_apps_and_are_not_signed(cloud: World) -> None:
    wanted = {
        "url": f"{URL}/path-secret",
        "webhooks": [
            {"events": ["jira:issue_updated"], "jqlFilter": "project = SUP"},
            {"events": ["jira:issue_updated"], "jqlFilter": "statusCategory = Done"},
        ],
    }
    assert (await cloud.client.post(f"{V3}/webhook", json=wanted)).status_code == 403
    app = cloud.site.auth.add_client(cloud.site.account)
    cloud.client.auth = None
    order = {"grant_type": "refresh_token", "client_id": app.client_id, "client_secret": app.client_secret}
    granted = (await cloud.client.post("/oauth/token", json=order | {"refresh_token": app.refresh_token})).json()
    cloud.client.headers["authorization"] = f"Bearer {granted['access_token']}"
    gateway = f"/ex/jira/{cloud.site.cloud_id}{V3}/webhook"
    made = (await cloud.client.post(gateway, json=wanted)).json()["webhookRegistrationResult"]
    number = made[0]["createdWebhookId"]
    assert made[1] == {"errors": ["The clause statusCategory is unsupported"]}
    issue = cloud.closed()[0]
    (delivery,) = cloud.site.webhooks.deliver(issue)
    assert "x-hub-signature" not in delivery.headers
    assert (delivery.path, json.loads(delivery.body)["matchedWebhookIds"]) == ("/hooks/jira/path-secret", [number])
    cloud.clock.advance(timedelta(minutes=30))
    await cloud.client.put(f"{gateway}/refresh", json={"webhookIds": [number]})
    cloud.clock.advance(timedelta(days=30, seconds=-1))
    assert len(cloud.site.webhooks.deliver(issue)) == 1
    cloud.clock.advance(timedelta(seconds=1))
    assert cloud.site.webhooks.deliver(issue) == []


async def test_an_administrator_registers_over_the_api(cloud: World) -> None:
    wanted = {"name": "hub", "url": URL, "events": ["jira:issue_updated"], "secret": "s3cr3t"}
    assert (await cloud.client.post("/rest/webhooks/1.0/webhook", json=wanted)).status_code == 403
    cloud.site.account.is_admin = True
    assert (await cloud.client.post("/rest/webhooks/1.0/webhook", json=wanted)).status_code == 201
    assert "x-hub-signature" in cloud.site.webhooks.deliver(cloud.closed()[0])[0].headers
