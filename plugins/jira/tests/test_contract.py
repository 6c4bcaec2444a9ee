"""The hub's source contract, against Jira Cloud, Service Management and Data Center."""

from __future__ import annotations

from typing import Any

import hub_jira
import pytest

from hub.testing.contracts import SourceContract


class TestCloud(SourceContract):
    plugin = hub_jira

    @pytest.fixture
    def rig(self, cloud: Any) -> Any:
        return cloud


class TestServiceManagement(SourceContract):
    plugin = hub_jira

    @pytest.fixture
    def rig(self, jsm: Any) -> Any:
        return jsm


class TestDataCenter(SourceContract):
    plugin = hub_jira

    @pytest.fixture
    def rig(self, data_center: Any) -> Any:
        return data_center
