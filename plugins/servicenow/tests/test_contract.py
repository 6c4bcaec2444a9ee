"""The hub's source contract, for each table, against the simulated instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import hub_servicenow
import pytest

from hub.testing.contracts import SourceContract


class _Contract(SourceContract):
    plugin = hub_servicenow
    table: ClassVar[str]

    @pytest.fixture
    def rig(self, rig_types: Mapping[str, type[Any]]) -> Any:
        return rig_types[self.table]()


class TestIncidents(_Contract):
    table = "incident"


class TestRequestedItems(_Contract):
    table = "sc_req_item"


class TestCases(_Contract):
    table = "sn_customerservice_case"
