"""The testing kit as a stranger's project uses it."""

import logging
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import respx

from hub import Unavailable
from hub.testing.fakes import FakeClock, FakeContext
from hub.testing.faults import FaultyTransport
from hub.testing.redaction import assert_redacted
from hub.testing.rigs import Fault

pytest_plugins = "pytester"

SCOPE = "asyncio_default_fixture_loop_scope=function"
PROJECT = """
import pytest
import hub_acme
from acme_rigs import AcmeDesk
from hub.testing.contracts import SourceContract

class TestAcme(SourceContract):
    plugin = hub_acme

    @pytest.fixture
    def rig(self):
        return AcmeDesk()
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "acme"))
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", "-o", SCOPE, *options, timeout=60)


def test_a_project_needs_five_lines(project: pytest.Pytester) -> None:
    project.makepyfile(PROJECT)
    result = run(project)
    assert result.parseoutcomes()["passed"] > 40
    assert set(result.parseoutcomes()) <= {"passed", "skipped"}


def test_a_customer_in_the_log_is_found(project: pytest.Pytester) -> None:
    project.makepyfile(
        PROJECT
        + """
class Talker(hub_acme.AcmeSource):
    def ticket(self, event):
        self.context.log.info("ticket.read", customer=event["email"])
        return super().ticket(event)

@hub_acme.hookimpl
def hub_register_source():
    return hub_acme.SourceType("talks", hub_acme.AcmeConfig, Talker)

class TestAcme(TestAcme):
    plugin = type("talker", (), {"HUB_API": (1, 0), "hub_register_source": staticmethod(hub_register_source)})
"""
    )
    result = run(project, "-k", "new_closures")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*this shows 'paivi.ohman.*', which must stay private: info ticket.read customer=*"])


def test_a_forgotten_rig_and_a_forgotten_hook_are_explained(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
import hub_acme
from hub.testing.contracts import SourceContract

class TestRigless(SourceContract):
    plugin = hub_acme

class TestHookless(SourceContract):
    plugin = type("hookless", (), {"HUB_API": (1, 0)})
"""
    )
    result = run(project, "-k", "loads_it or quiet")
    result.stdout.fnmatch_lines(["*TestRigless must define the fixture 'rig' and return a rig for its plugin*"])
    result.stdout.fnmatch_lines(["*PluginError: it offers neither a source nor a gateway nor a sink*"])


def test_the_fixtures_are_there_without_an_import(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
def test_fixtures(fake_clock, fake_context):
    assert fake_context.clock is fake_clock
    assert fake_context.hook_url.startswith("https://")
"""
    )
    run(project).assert_outcomes(passed=1)


def test_the_pytest_plugin_is_cheap() -> None:
    code = "import sys, hub.testing.pytest_plugin; print({'httpx', 'respx', 'pytest_asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "set()"


async def test_the_lent_client_waits_on_the_fake_clock() -> None:
    router = respx.Router()
    router.get("https://acme.example/").mock(return_value=httpx.Response(200, text="well"))
    clock = FakeClock()
    transport = FaultyTransport(httpx.MockTransport(router.async_handler), clock)
    context = FakeContext(transport=transport, clock=clock)
    transport.fault = Fault.CONNECT
    with pytest.raises(Unavailable):
        await context.http.request("GET", "https://acme.example/")
    assert clock.slept
    assert "http.retry" in context.log.events()
    transport.fault = None
    assert (await context.http.request("GET", "https://acme.example/")).text == "well"


async def test_a_context_without_transport_says_so() -> None:
    with pytest.raises(AssertionError, match="the test gave FakeContext no transport"):
        _ = FakeContext().http


async def test_the_clock_moves_only_when_told() -> None:
    clock = FakeClock()
    start = clock.now()
    await clock.sleep(90)
    clock.advance(timedelta(minutes=1))
    assert clock.now() - start == timedelta(seconds=150)
    assert start.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "told", ["key=+358401 2", "url?to=%2B358401%202", "url?to=%2B358401+2", "(b'\\x2b', '+358401 2')"]
)
def test_a_secret_is_found_in_any_form(told: str) -> None:
    with pytest.raises(AssertionError, match="must stay private"):
        assert_redacted(["fine", told], "+358401 2")
    assert_redacted([told, logging.makeLogRecord({"msg": "sent %s", "args": ("3",)})], "", "other")


def test_a_secret_is_found_in_the_cause_of_an_error_and_in_a_log_record() -> None:
    def failing(*, hide: bool) -> Exception:
        told = RuntimeError("could not sign in")
        told.__context__ = ValueError("password hunter2")
        told.__suppress_context__ = hide
        return told

    assert_redacted([failing(hide=True)], "hunter2")
    told = failing(hide=False)
    record = logging.makeLogRecord({"msg": "failed", "exc_info": (type(told), told, None)})
    for shown in (told, record, ExceptionGroup("all", [told])):
        with pytest.raises(AssertionError, match="must stay private"):
            assert_redacted([shown], "hunter2")
