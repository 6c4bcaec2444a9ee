"""Who may call, and how it fails."""

from __future__ import annotations

from datetime import timedelta

import httpx
from sandbox.jira import EMAIL, PAT, TOKEN

from tests.sandbox.jira.conftest import PORTAL, V3, World


async def test_a_wrong_token_is_refused_on_every_path(cloud: World) -> None:
    cloud.client.auth = httpx.BasicAuth(EMAIL, "wrong")
    for path in ("myself", "search/jql?jql=project=SUP", "issue/SUP-1"):
        answer = await cloud.client.get(f"{V3}/{path}")
        assert (answer.status_code, answer.headers["X-Seraph-LoginReason"]) == (401, "AUTHENTICATED_FAILED")


async def test_a_lapsed_token_can_look_like_an_empty_site(cloud: World) -> None:
    cloud.closed()
    cloud.site.auth.lapse_to_anonymous = True
    cloud.site.auth.revoke(TOKEN)
    assert await cloud.keys("project = SUP") == []
    assert (await cloud.client.get(f"{V3}/myself")).status_code == 401


async def test_answers_say_who_called(cloud: World) -> None:
    answer = await cloud.client.get(f"{V3}/myself")
    assert answer.headers["X-AAccountId"] == answer.json()["accountId"] == cloud.site.account.account_id


async def test_a_scoped_token_works_on_the_gateway_only(cloud: World) -> None:
    cloud.site.auth.add_token(cloud.site.account, "scoped", scoped=True, scopes=frozenset({"read:jira-user"}))
    cloud.client.auth = httpx.BasicAuth(EMAIL, "scoped")
    gateway = f"/ex/jira/{cloud.site.cloud_id}"
    answers = [
        await cloud.client.get(f"{V3}/myself"),
        await cloud.client.get(f"{gateway}{V3}/myself"),
        await cloud.client.get(f"/ex/jira/other{V3}/myself"),
        await cloud.client.post(f"{gateway}{V3}/search/jql", json={"jql": "project = SUP"}),
    ]
    assert [answer.status_code for answer in answers] == [401, 200, 404, 401]
    assert answers[-1].json()["message"] == "Unauthorized; scope does not match"


async def test_refresh_tokens_rotate_and_access_tokens_expire(cloud: World) -> None:
    app = cloud.site.auth.add_client(cloud.site.account)
    cloud.client.auth = None
    order = {"grant_type": "refresh_token", "client_id": app.client_id, "client_secret": app.client_secret}
    first = app.refresh_token
    granted = (await cloud.client.post("/oauth/token", json=order | {"refresh_token": first})).json()
    assert (granted["expires_in"], granted["token_type"], granted["refresh_token"] != first) == (3600, "Bearer", True)
    again = await cloud.client.post("/oauth/token", json=order | {"refresh_token": first})
    assert (again.status_code, again.json()["error"], app.grants) == (403, "invalid_grant", 1)
    bearer = {"authorization": f"Bearer {granted['access_token']}"}
    sites = (await cloud.client.get("/oauth/token/accessible-resources", headers=bearer)).json()
    assert (sites[0]["id"], sites[0]["url"]) == (cloud.site.cloud_id, cloud.site.base_url)
    path = f"/ex/jira/{cloud.site.cloud_id}{V3}/myself"
    assert (await cloud.client.get(path, headers=bearer)).status_code == 200
    assert (await cloud.client.get(f"{V3}/myself", headers=bearer)).status_code == 401
    cloud.clock.advance(timedelta(hours=1))
    assert (await cloud.client.get(path, headers=bearer)).status_code == 401


async def test_a_grant_needs_the_apps_own_secret(cloud: World) -> None:
    app = cloud.site.auth.add_client(cloud.site.account)
    order = {"grant_type": "refresh_token", "client_id": app.client_id, "client_secret": "x"}
    answer = await cloud.client.post("/oauth/token", json=order | {"refresh_token": app.refresh_token})
    assert (answer.status_code, app.grants) == (401, 0)


async def test_the_server_information_needs_no_account(cloud: World) -> None:
    cloud.client.auth = None
    assert (await cloud.client.get(f"{V3}/serverInfo")).json()["deploymentType"] == "Cloud"
    assert (await cloud.client.get(f"{PORTAL}/info")).status_code == 401


async def test_three_failures_bring_a_captcha_on_data_center(server: World) -> None:
    del server.client.headers["authorization"]
    server.site.auth.add_token(server.site.account, "password")
    url = "/rest/api/2/myself"
    failed = [(await server.client.get(url, auth=("hub", "wrong"))).status_code for _ in range(3)]
    locked = await server.client.get(url, auth=("hub", "password"))
    assert (failed, locked.status_code) == ([401, 401, 401], 403)
    assert locked.headers["X-Authentication-Denied-Reason"].startswith("CAPTCHA_CHALLENGE")
    assert (await server.client.get(url, headers={"authorization": f"Bearer {PAT}"})).status_code == 200


async def test_a_success_in_between_forgets_failures(server: World) -> None:
    del server.client.headers["authorization"]
    server.site.auth.add_token(server.site.account, "password")
    statuses = [
        (await server.client.get("/rest/api/2/myself", auth=("hub", word))).status_code
        for word in ("wrong", "wrong", "password", "wrong", "wrong", "password")
    ]
    assert statuses == [401, 401, 200, 401, 401, 200]
