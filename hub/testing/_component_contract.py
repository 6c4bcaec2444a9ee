"""The part of the contract that sources and gateways share."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from hub.registry import offered_by
from hub.testing._bench import Bench
from hub.testing.redaction import assert_redacted
from hub.testing.rigs import Fault, Rig

_CHECKED = (Fault.AUTH, Fault.FORBIDDEN, Fault.UNAVAILABLE, Fault.CONNECT, Fault.MALFORMED)


@pytest.mark.asyncio
class ComponentContract:
    """What holds for every component. Subclass `SourceContract` or `GatewayContract`."""

    plugin: ClassVar[ModuleType]
    """The plugin's module, the one that its entry point names."""
    kind: ClassVar[str]
    bench_type: ClassVar[type[Bench[Any, Any]]] = Bench

    @pytest.fixture
    def rig(self) -> Rig:
        """The other side, fresh, healthy and empty. Every plugin brings its own."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'rig' and return a rig for its plugin")

    @pytest_asyncio.fixture
    async def bench(self, rig: Any, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Bench[Any, Any]]:
        """The plugin and its rig; afterwards nothing private may have been logged."""
        caplog.set_level(logging.INFO)
        bench = self.bench_type(self._offered(), rig)
        yield bench
        await rig.fail(None)
        await bench.close()
        others = [record for record in caplog.get_records("call") if not record.name.startswith(rig.own_loggers)]
        assert_redacted([*bench.logged(), *others], *bench.private())

    def _offered(self) -> Any:
        offered = offered_by(self.plugin)[self.kind]
        assert offered is not None, f"{self.plugin.__name__} does not implement hub_register_{self.kind}"
        return offered

    async def test_the_hub_loads_it(self) -> None:
        """It states its API version and returns a proper descriptor."""
        assert self._offered().summary, "the summary is empty; `hub plugins show` has nothing to say about the plugin"

    async def test_every_setting_is_described(self) -> None:
        """Admins learn the settings from these descriptions."""
        schema = self._offered().config.model_json_schema()
        tables = [schema, *schema.get("$defs", {}).values()]
        settings = [setting for table in tables for setting in table.get("properties", {}).items()]
        bare = [name for name, facts in settings if not facts.get("description")]
        assert not bare, f"these settings have no description: {', '.join(bare)}"

    async def test_settings_hide_secrets(self, bench: Bench[Any, Any]) -> None:
        """A secret is of the type `hub.Secret`, so that printing the settings does not show it."""
        config = bench.type.config.model_validate(dict(bench.rig.settings))
        assert_redacted([repr(config), config.model_dump_json()], *bench.rig.secrets)

    async def test_check_proves_that_all_is_well(self, bench: Bench[Any, Any]) -> None:
        """`hub check` says something, and all of it is good."""
        results = await bench.new().check()
        assert results, "check() returned nothing; prove at least that the system is reached and takes the credentials"
        failed = [f"{result.what}: {result.detail}" for result in results if not result.ok]
        assert not failed, f"check() finds fault with a healthy rig: {'; '.join(failed)}"

    @pytest.mark.parametrize("fault", _CHECKED)
    async def test_check_reports_a_fault_and_does_not_raise(self, bench: Bench[Any, Any], fault: Fault) -> None:
        """What does not work is a result that says what to do."""
        component = bench.new()
        await bench.play(fault)
        results = await component.check()
        failed = [result for result in results if not result.ok]
        assert failed, f"check() under Fault.{fault.name} says that all is well"
        assert all(result.detail for result in failed), "a failed CheckResult has no detail; say what to do about it"
        assert_redacted(results, *bench.rig.secrets)

    async def test_close_may_come_first_and_twice(self, bench: Bench[Any, Any]) -> None:
        """The hub closes a component also when it never used it."""
        component = bench.new()
        await component.close()
        await component.close()
