"""How `facewire-server serve` is configs what to do."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facewire_server.cli import serve as module
from facewire_server.config import Config, TransportLimits
from facewire_server.telemetry import logs


def serve(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(module.serve, arguments, env=environment)


def test_without_options_the_defaults_hold(configs: list[Config]) -> None:
    assert serve().exit_code == 0
    assert configs == [Config()]


def test_every_setting_is_an_option(configs: list[Config]) -> None:
    result = serve(
        *("--model", "a.xml", "--model", "b.onnx", "--host", "::1", "--port", "0"),
        *("--metrics-port", "off", "--device", "AUTO", "--max-message-mb", "8"),
        *("--max-megapixels", "12.5", "--max-queue", "3", "--grace", "1.5"),
        *("--max-queued-mb", "64", "--response-cache-mb", "0.5"),
        *("--stall-seconds", "2.5"),
        *("--inference-precision", "f32", "--device-property", "NUM_STREAMS=1"),
        *("--cache", "kept", "--no-compile-cache", "--watch"),
        *("--precision", "FP32", "--mirror", "there", "--traces"),
        "--shared-memory",
        *("--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a"),
        *("--token-file", "t", "--socket-mode", "0660"),
        *("--model-control", "explicit"),
        *("--max-connections", "1", "--max-streams", "2", "--max-calls", "3"),
        *("--max-metadata-kb", "4.5", "--handshake-seconds", "5"),
        *("--message-seconds", "6", "--stream-idle-seconds", "7"),
        *("--connection-idle-seconds", "8", "--connection-age-seconds", "9"),
        *("--connection-grace-seconds", "10", "--keepalive-seconds", "11"),
        *("--max-watches", "12", "--watch-idle-seconds", "13"),
    )
    assert result.exit_code == 0, result.output
    assert configs == [
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
            response_cache_mb=0.5,
            shared_memory=True,
            grace=1.5,
            model_control="explicit",
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
            limits=TransportLimits(
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


def test_a_server_open_to_the_network_is_warned_about_once(
    configs: list[Config], caplog: pytest.LogCaptureFixture
) -> None:
    serve()
    assert not caplog.records
    serve("--host", "0.0.0.0", "--token-file", "t")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith("missing: --tls-cert and --tls-key")


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
"""A server that fails to start its threads of one name."""


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
    configs: list[Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    async def announce(config: Config, loading: object, announce: Callable[[str], None]) -> None:
        announce("listening")

    monkeypatch.setattr("facewire_server.lifecycle.run.run", announce)
    monkeypatch.setattr(logs, "flush", lambda: written.append("the log"))
    monkeypatch.setattr("click.echo", written.append)
    serve()
    assert written == ["the log", "facewire-server listening"]
