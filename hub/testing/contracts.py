"""The contract that every plugin keeps, as test classes to subclass. Needs pytest and pytest-asyncio."""

from hub.testing._gateway_contract import GatewayContract
from hub.testing._sink_contract import SinkContract
from hub.testing._source_contract import SourceContract

__all__ = ["GatewayContract", "SinkContract", "SourceContract"]
