"""How `facewire-server serve` is told what to do."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facewire_server.cli import serve as module
from facewire_server.config import Config
from facewire_server.limits import Limits
from facewire_server.telemetry import logs

Told = list[Config]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The configurations that the command would have served with."""
    configs: Told = []

    async def note(config: Config, loading: object, announce: object) -> None:
        configs.append(config)

    monkeypatch.setattr("facewire_server.lifecycle.run.run", note)
    monkeypatch.setattr(module, "load_aside", lambda config: None)
    return configs


def serve(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(module.serve, arguments, env=environment)


def test_without_options_the_defaults_hold(told: Told) -> None:
    assert serve().exit_code == 0
    assert told == [Config()]


def test_every_setting_is_an_option(told: Told) -> None:
    result = serve(
        *("--model", "a.xml", "--model", "b.onnx", "--host", "::1", "--port", "0"),
        *("--metrics-port", "off", "--device", "AUTO", "--max-message-mb", "8"),
        *("--max-megapixels", "12.5", "--max-queue", "3", "--grace", "1.5"),
        *("--max-queued-mb", "64"),
        *("--stall-seconds", "2.5"),
        *("--inference-precision", "f32", "--device-property", "NUM_STREAMS=1"),
        *("--cache", "kept", "--no-compile-cache", "--watch"),
        *("--precision", "FP32", "--mirror", "there", "--traces"),
        *("--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a"),
        *("--token-file", "t", "--socket-mode", "0660"),
        *("--max-connections", "1", "--max-streams", "2", "--max-calls", "3"),
        *("--max-metadata-kb", "4.5", "--handshake-seconds", "5"),
        *("--message-seconds", "6", "--stream-idle-seconds", "7"),
        *("--connection-idle-seconds", "8", "--connection-age-seconds", "9"),
        *("--connection-grace-seconds", "10", "--keepalive-seconds", "11"),
        *("--max-watches", "12", "--watch-idle-seconds", "13"),
    )
    assert result.exit_code == 0, result.output
    assert told == [
        Config(
            models=("a.xml", "b.onnx"),
            host="::1",
            port=0,
            metrics_port=None,
            device="AUTO",
            max_message_mb=8,
            max_megapixels=12.5,
            max_queue=3,
            max_queued_mb=64,
            grace=1.5,
            stall_seconds=2.5,
            inference_precision="f32",
            device_properties=("NUM_STREAMS=1",),
            cache=Path("kept"),
            compile_cache=False,
            watch=True,
            precision="FP32",
            mirror="there",
            traces=True,
            tls_cert=Path("c"),
            tls_key=Path("k"),
            tls_client_ca=Path("a"),
            token_file=Path("t"),
            socket_mode=0o660,
            limits=Limits(
                max_connections=1,
                max_streams=2,
                max_calls=3,
                max_metadata_kb=4.5,
                handshake_seconds=5,
                message_seconds=6,
                stream_idle_seconds=7,
                connection_idle_seconds=8,
                connection_age_seconds=9,
                connection_grace_seconds=10,
                keepalive_seconds=11,
                max_watches=12,
                watch_idle_seconds=13,
            ),
        )
    ]


def test_the_environment_holds_where_the_command_line_is_silent(told: Told) -> None:
    serve("--port", "1", FACEWIRE_PORT="2", FACEWIRE_METRICS_PORT="3")
    assert (told[0].port, told[0].metrics_port) == (1, 3)


def test_the_file_of_tokens_comes_from_the_environment_too(told: Told) -> None:
    serve(FACEWIRE_TOKEN_FILE="t")
    assert told[0].token_file == Path("t")


def test_a_server_that_is_open_to_the_network_is_warned_of_once(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    serve()
    assert not caplog.records
    serve("--host", "0.0.0.0", "--token-file", "t")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith("missing: --tls-cert and --tls-key")


def test_several_models_come_from_one_variable(told: Told) -> None:
    serve(FACEWIRE_MODEL="a.xml b.xml")
    assert told[0].models == ("a.xml", "b.xml")


def write(folder: Path, text: str) -> str:
    path = folder / "facewire.toml"
    path.write_text(text)
    return str(path)


def test_the_file_holds_where_environment_and_command_line_are_silent(
    told: Told, tmp_path: Path
) -> None:
    path = write(
        tmp_path,
        'port = 1\nmax-queue = 2\ngrace = 3\nmodel = "a.xml"\nmetrics-port = "off"\n',
    )
    result = serve("--config", path, "--port", "9", FACEWIRE_MAX_QUEUE="8")
    assert result.exit_code == 0, result.output
    config = told[0]
    assert (config.port, config.max_queue, config.grace) == (9, 8, 3)
    assert config.models == ("a.xml",)
    assert config.metrics_port is None


@pytest.mark.parametrize("mode", ['"0660"', "0o660"])
def test_a_file_may_have_the_rights_of_a_socket_as_text_or_in_octal(
    told: Told, tmp_path: Path, mode: str
) -> None:
    serve("--config", write(tmp_path, f"socket-mode = {mode}"))
    assert told[0].socket_mode == 0o660


def test_a_file_may_list_several_models(told: Told, tmp_path: Path) -> None:
    serve("--config", write(tmp_path, 'model = ["a.xml", "b.xml"]'))
    assert told[0].models == ("a.xml", "b.xml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "'prot'"),
        ("[port]\nnumber = 1", "'port'"),
        ("port = ", "cannot be read"),
        ('port = "many"', "many"),
    ],
)
def test_a_file_that_makes_no_sense_is_wrong_usage(
    told: Told, tmp_path: Path, text: str, message: str
) -> None:
    result = serve("--config", write(tmp_path, text))
    assert result.exit_code == 2
    assert message in result.output
    assert not told


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "x"),
        ("--socket-mode", "8"),
        ("--metrics-port", "on"),
        ("--unknown",),
        ("surplus",),
        ("--config", "nowhere.toml"),
    ],
)
def test_wrong_usage_exits_with_two(told: Told, arguments: tuple[str, ...]) -> None:
    assert serve(*arguments).exit_code == 2
    assert not told


def test_help_names_every_option_with_its_default() -> None:
    text = serve("--help").output
    names = {each.name for kind in (Config, Limits) for each in fields(kind)}
    singular = {"models": "model", "device_properties": "device_property"}
    for name in names - {"limits"}:
        assert f"--{singular.get(name, name).replace('_', '-')}" in text
    assert "50051" in text
    assert "127.0.0.1" in text


NO_THREAD = """
import sys
import threading

start, refused = threading.Thread.start, sys.argv.pop(1)

def fail(thread):
    if thread.name.startswith(refused):
        raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start = fail
from facewire_server.__main__ import main
main()
"""
"""A server whose system refuses it a thread."""


@pytest.mark.parametrize("thread", ["facewire-load", "facewire-0", "metrics"])
def test_a_thread_that_cannot_be_started_ends_the_start_with_one_line(
    thread: str,
) -> None:
    arguments = ("serve", "--port", "0", "--metrics-port", "0")
    done = subprocess.run(
        [sys.executable, "-c", NO_THREAD, thread, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "can't start new thread" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_log_is_written_before_the_line_that_says_ready(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    async def announce(config: Config, loading: object, announce: Callable[[str], None]) -> None:
        announce("listening")

    monkeypatch.setattr("facewire_server.lifecycle.run.run", announce)
    monkeypatch.setattr(logs, "flush", lambda: written.append("the log"))
    monkeypatch.setattr("click.echo", written.append)
    serve()
    assert written == ["the log", "facewire-server listening"]
