"""The hub's contract of write-back, under every fault, for each target; the source's own contract covers work notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import hub_servicenow
import pytest
from sandbox.servicenow.transform import ON_EXPERIENCE

from hub.testing._component_contract import ComponentContract
from hub.testing._source_bench import SourceBench
from hub.testing._write_back_contract import WriteBackContract


class _Contract(WriteBackContract, ComponentContract):
    plugin = hub_servicenow
    kind = "source"
    bench_type = SourceBench
    targets: ClassVar[Sequence[str]]

    @pytest.fixture
    def rig(self, rig_types: Mapping[str, type[Any]]) -> Any:
        targets, prepare, written = list(self.targets), self.prepare, self.written

        class Rig(rig_types["incident"]):  # type: ignore[misc]  # found by pytest
            @property
            def settings(self) -> Mapping[str, Any]:
                return {**super().settings, "write_back": targets}

            async def written(self, ticket_id: str) -> Sequence[str]:
                return written(self.instance, ticket_id)

        made = Rig()
        prepare(made.instance)
        return made

    @staticmethod
    def prepare(instance: Any) -> None:
        """Nothing."""

    @staticmethod
    def written(instance: Any, ticket_id: str) -> list[str]:
        return instance.journal(ticket_id, "work_notes")


class TestColumns(_Contract):
    targets = ("fields",)


class TestNotesWithoutAJournal(_Contract):
    targets = ("note",)

    @staticmethod
    def prepare(instance: Any) -> None:
        instance.deny_table("sys_journal_field")


class _InRows(_Contract):
    @staticmethod
    def written(instance: Any, ticket_id: str) -> list[str]:
        rows = instance.store.rows("u_experience")
        return [row["u_xm_comment"] for row in rows if row["u_task"] == ticket_id]


class TestOwnTable(_InRows):
    targets = ("table",)


class TestImportSet(_InRows):
    targets = ("import",)

    @staticmethod
    def prepare(instance: Any) -> None:
        instance.transform_maps["u_imp_experience"] = ON_EXPERIENCE


class TestImportSetThatCannotBeRead(TestImportSet):
    @staticmethod
    def prepare(instance: Any) -> None:
        TestImportSet.prepare(instance)
        instance.deny_table("u_imp_experience")
