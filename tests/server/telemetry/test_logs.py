"""The log: its two formats, its fields, its loggers, and what must not get into it."""

import ast
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import facewire_server
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.telemetry.logs import TextFormatter, json_formatter
from tests.server.catalogue.file_server import FileServer
from tests.server.process import command, connected

FORMATTERS = {"text": TextFormatter(), "json": json_formatter()}
HOSTILE = "a b=c\n2026-01-01T00:00:00.000Z INFO x: all is well\x1b[2J\u2028\x85 \"'\\"


def record(message: str = "it is so", **fields: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "facewire_server.x", "levelname": "INFO", "msg": message, **fields}
    )


def failed(message: str) -> logging.LogRecord:
    try:
        raise RuntimeError(message)
    except RuntimeError as error:
        return record(exc_info=(RuntimeError, error, error.__traceback__))


def test_a_line_of_text_has_the_time_the_level_the_logger_and_the_fields() -> None:
    line = TextFormatter().format(
        record(created=0.25, reason="A_B", milliseconds=1.5, model="", note='a "b"')
    )
    assert line == (
        "1970-01-01T00:00:00.250Z INFO facewire_server.x: it is so"
        ' reason=A_B milliseconds=1.5 model="" note="a \\"b\\""'
    )


def test_what_libraries_add_to_records_is_left_out() -> None:
    with_more = record(created=0.25, _ray_timestamp_ns=1)
    assert TextFormatter().format(with_more) == TextFormatter().format(record(created=0.25))
    assert "_ray_timestamp_ns" not in json_formatter().format(with_more)


def test_a_line_of_json_has_them_as_fields() -> None:
    line = json.loads(json_formatter().format(record(milliseconds=1.5, reason="A_B")))
    time = datetime.fromisoformat(line.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert line == {
        "level": "INFO",
        "logger": "facewire_server.x",
        "message": "it is so",
        "milliseconds": 1.5,
        "reason": "A_B",
    }


def test_a_trace_is_indented_in_text_and_a_field_in_json() -> None:
    first, *trace = TextFormatter().format(failed(HOSTILE)).split("\n")
    assert first.endswith("it is so")
    assert all(line.startswith("  ") for line in trace)
    assert "RuntimeError: a b=c" in json.loads(json_formatter().format(failed(HOSTILE)))["trace"]


@pytest.mark.parametrize("form", FORMATTERS)
@given(text=st.text() | st.just(HOSTILE))
def test_nothing_in_a_message_or_a_field_ends_a_line(form: str, text: str) -> None:
    line = FORMATTERS[form].format(record(text, request_id=text))
    assert line.isprintable()


@given(text=st.text() | st.just(HOSTILE))
def test_nothing_in_a_field_passes_for_another_one(text: str) -> None:
    line = TextFormatter().format(record(request_id=text, reason="A_B"))
    found = re.search(r' request_id=("(?:[^"\\]|\\.)*"|[^ "=]+) reason=A_B$', line)
    assert found
    value = found[1]
    assert text == (json.loads(value) if value.startswith('"') else value)


@pytest.fixture
def logged(photo: bytes) -> Iterator[list[dict[str, Any]]]:
    """What a server logs of a good request, a refused one, and a stream of two."""
    arguments = ("--log-level", "debug", "--log-format", "json", "--grace", "5")
    with connected(*arguments) as (process, channel):
        stub = DetectServiceStub(channel)
        metadata = (("x-request-id", "good 1"), ("authorization", "Bearer s3cret"))
        stub.Detect(pb.DetectRequest(encoded_image=photo), metadata=metadata)
        with pytest.raises(grpc.RpcError):
            request = pb.DetectRequest(encoded_image=b"s3cret", model="no\n" + 999 * "x")
            stub.Detect(request, metadata=(("x-request-id", 'x"}{ reason=' * 99),))
        frames = [pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=photo))]
        assert len(list(stub.DetectStream(iter(2 * frames)))) == 2
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        text = process.stderr.read()
    assert "s3cret" not in text
    yield [json.loads(line) for line in text.splitlines()]


def test_requests_are_logged_with_their_fields(logged: list[dict[str, Any]]) -> None:
    mine = [line for line in logged if line["logger"] == "facewire_server.service.gate"]
    good, refused, refused_end, *stream = mine
    assert (good["level"], good["message"]) == ("DEBUG", "ended")
    assert good["method"] == "Detect"
    assert good["request_id"] == "good_1"
    assert (good["code"], good["model"]) == ("OK", "face-detection-nano")
    assert good["milliseconds"] > 0
    assert good["peer"].startswith("ipv4:127.0.0.1:")
    assert (refused["level"], refused["reason"]) == ("INFO", "UNKNOWN_MODEL")
    assert refused["code"] == refused_end["code"] == "NOT_FOUND"
    assert refused["request_id"] == ('x"}{_reason=' * 99)[:128]
    assert len(refused["message"]) < 300
    assert [line["method"] for line in stream] == ["DetectStream"] * 2


def test_the_library_for_json_is_only_needed_for_json(tmp_path: Path) -> None:
    code = (
        "import sys; from facewire_server.telemetry.logs import set_up; set_up('info', 'text', {});"
        " print('pythonjsonlogger' in sys.modules)"
    )
    done = subprocess.run([command()[0], "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "False\n"


def test_errors_that_any_caller_can_have_grpc_log_are_not_logged() -> None:
    code = (
        "import logging; from facewire_server.telemetry.logs import set_up;"
        " set_up('info', 'text', {});"
        " grpc = logging.getLogger('grpc._cython.cygrpc');"
        " grpc.error('Invalid encoding of %s', 'a token');"
        " grpc.error('ExecuteBatchError raised in core by servicer method [%s]', 'x');"
        " grpc.error('Something else')"
    )
    done = subprocess.run([command()[0], "-c", code], capture_output=True, check=True, text=True)
    assert done.stderr.endswith("ERROR grpc._cython.cygrpc: Something else\n")
    assert done.stderr.count("\n") == 1


SERVER = Path(facewire_server.__file__).parent

LOGGERS = {
    "PIL",  # silenced
    "nncf",  # silenced, too
    "ray.data",  # silenced, too
    "facewire_server.batch",
    "facewire_server.commands.serve",
    "facewire_server.log_handler",
    "facewire_server.model.compile_cache",
    "facewire_server.model.prepared",
    "facewire_server.model.published",
    "facewire_server.service.file_watch",
    "facewire_server.service.gate",
    "facewire_server.service.models",
    "facewire_server.service.reload",
    "facewire_server.service.run",
    "facewire_server.service.tasks",
    "facewire_server.service.watchdog",
    "facewire_server.workers.process",
    "facewire_server.workers.supervisor",
    "facewire_server.workers.worker",
}
"""All of them: operators filter by these names, wherever the modules are by now."""


def logger_names(path: Path) -> Iterator[str]:
    """The names of the loggers of a module; source text for one that is not a literal.

    The root logger, which the handler is attached to, has no name.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args:
            function = ast.unparse(node.func).rpartition(".")[2]
            if function in ("getLogger", "LogRecord"):
                name = node.args[0]
                yield str(name.value) if isinstance(name, ast.Constant) else ast.unparse(name)


def test_the_names_of_the_loggers_stay_when_modules_move() -> None:
    found = {name for path in SERVER.rglob("*.py") for name in logger_names(path)}
    assert found == LOGGERS


def test_no_library_logs_the_secrets_of_a_mirror() -> None:
    code = (
        "import sys; import httpx; from facewire_server.telemetry import logs;"
        " logs.set_up('debug', 'text', {}); httpx.get(sys.argv[1]); logs.flush()"
    )
    with FileServer() as server:
        address = server.url.replace("://", "://me:secret@") + "/a?sig=secret"
        done = subprocess.run(
            [sys.executable, "-c", code, address],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=os.environ | {"NO_PROXY": "*"},
        )
    assert server.queries == ["sig=secret"]
    assert "secret" not in done.stderr
