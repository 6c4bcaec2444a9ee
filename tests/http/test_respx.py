"""A plugin's tests may put a respx router in the place of the network."""

import httpx
import pytest
import respx

from hub import OutcomeUnknown, Rejected
from hub.testing.clock import FakeClock
from tests.http.conftest import LentFactory


async def test_a_router_answers_the_lent_client(lent: LentFactory) -> None:
    router = respx.Router(base_url="https://desk.example.test", assert_all_called=False)
    tickets = router.get("/tickets", params={"page": "2"}).respond(json=[{"id": 7}])
    client = lent(httpx.MockTransport(router.async_handler))
    response = await client.request("GET", "https://desk.example.test/tickets", params={"page": "2"}, auth=("a", "b"))
    assert response.json() == [{"id": 7}]
    assert tickets.calls.last.request.headers["authorization"] == "Basic YTpi"


async def test_a_router_plays_faults_in_turn(lent: LentFactory, clock: FakeClock) -> None:
    router = respx.Router()
    route = router.get("https://desk.example.test/").mock(
        side_effect=[httpx.ConnectError("away"), httpx.Response(503), httpx.ReadTimeout("slow"), httpx.Response(200)]
    )
    response = await lent(httpx.MockTransport(router.async_handler)).request("GET", "https://desk.example.test/")
    assert response.status_code == 200
    assert route.call_count == 4
    assert len(clock.slept) == 3


async def test_a_router_can_lose_the_answer_to_a_send(lent: LentFactory) -> None:
    router = respx.Router()
    route = router.post("https://sms.example.test/").mock(side_effect=httpx.ReadTimeout)
    client = lent(httpx.MockTransport(router.async_handler))
    with pytest.raises(OutcomeUnknown):
        await client.request("POST", "https://sms.example.test/", data={"text": "hi"}, once=True)
    assert route.call_count == 1


async def test_a_router_can_refuse(lent: LentFactory) -> None:
    router = respx.Router()
    router.post("https://sms.example.test/").respond(400, json={"code": 21610})
    client = lent(httpx.MockTransport(router.async_handler))
    with pytest.raises(Rejected):
        await client.request("POST", "https://sms.example.test/", once=True)
    response = await client.request("POST", "https://sms.example.test/", once=True, accept={400})
    assert response.json()["code"] == 21610
