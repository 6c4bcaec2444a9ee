"""A plugin that keeps the contract passes the whole of it."""

from types import ModuleType

import hub_acme
import pytest
from acme_rigs import AcmeDesk, AcmePhones

from hub import Capability, Channel, GatewayType, hookimpl
from hub.testing.contracts import GatewayContract, SourceContract


class TestSource(SourceContract):
    plugin = hub_acme

    @pytest.fixture
    def rig(self) -> AcmeDesk:
        return AcmeDesk()


class TestGatewayWithWebhook(GatewayContract):
    plugin = hub_acme

    @pytest.fixture
    def rig(self) -> AcmePhones:
        return AcmePhones(push=True)


@hookimpl
def hub_register_gateway() -> GatewayType[hub_acme.AcmeConfig]:
    capabilities = frozenset({Capability.COLLECT, Capability.REPEATABLE, Capability.WAIT})
    return GatewayType("Acme by polling", hub_acme.AcmeConfig, hub_acme.PollingGateway, Channel.SMS, capabilities)


class TestGatewayThatPolls(GatewayContract):
    plugin = ModuleType("hub_acme_polling")
    plugin.HUB_API = (1, 0)
    plugin.hub_register_gateway = hub_register_gateway

    @pytest.fixture
    def rig(self) -> AcmePhones:
        return AcmePhones(push=False)
