"""What reaches stderr."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from hub.log import configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def _sign_in(password: str) -> None:
    raise ValueError(f"cannot sign in with {password}")


def test_events_are_json_lines_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger().bind(component="sources.desk").info("pull.done", tickets=3, subject="Hyvää")
    [line] = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "pull.done",
        "level": "info",
        "component": "sources.desk",
        "tickets": 3,
        "subject": "Hyvää",
    }


def test_events_are_readable_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=False, secrets=["hunter2"])
    structlog.get_logger().info("pull.done", tickets=3, password="hunter2")
    err = capsys.readouterr().err
    assert "pull.done" in err
    assert "tickets=3" in err
    assert "password=[secret]" in err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_masked(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging(json=as_json, secrets=["hunter2"])
    try:
        _sign_in("hunter2")
    except ValueError:
        structlog.get_logger().exception("desk.broken")
        logging.getLogger("library").exception("oops")
    err = capsys.readouterr().err
    assert err.count("cannot sign in with [secret]") == 2
    assert "hunter2" not in err


def test_levels_below_the_threshold_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_libraries_are_heard_from_warnings_on_and_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="debug", secrets=["hunter2"])
    library = logging.getLogger("imapclient")
    library.info("LOGIN hub hunter2")
    library.warning("no answer from %s for %s", "anna@example.test", "hunter2", extra={"detail": "hunter2"})
    [line] = lines(capsys)
    assert line["event"] == "no answer from [email] for [secret]"
    assert line["detail"] == "[secret]"
    assert (line["level"], line["logger"]) == ("warning", "imapclient")


def test_a_secret_that_comes_with_a_reload_is_masked_in_loggers_already_handed_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(secrets=["hunter2"])
    lent = structlog.get_logger().bind(component="sources.desk")
    configure_logging(secrets=["hunter3"])
    lent.info("event", old="hunter2", new="hunter3")
    [line] = lines(capsys)
    assert (line["old"], line["new"]) == ("[secret]", "[secret]")


def test_configuring_again_does_not_repeat_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    configure_logging()
    logging.getLogger("library").warning("once")
    assert len(lines(capsys)) == 1
