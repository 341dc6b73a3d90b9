"""An error at the start of a server is one line and an exit status, without a traceback."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from facewire_server.models.source import DATA, EMBEDDED
from tests.server.process import command

NANO = DATA / EMBEDDED / EMBEDDED

SERVE = ("serve", "--port", "0", "--metrics-port", "off")

Arguments = Sequence[str | bytes]


def model(folder: Path, *, xml: bytes | None = None, weights: bytes | None = None) -> Path:
    """A copy of the embedded model, with other contents of its XML or its weights."""
    path = folder / "m.xml"
    path.write_bytes(NANO.with_suffix(".xml").read_bytes() if xml is None else xml)
    content = NANO.with_suffix(".bin").read_bytes() if weights is None else weights
    path.with_suffix(".bin").write_bytes(content)
    return path


def run(arguments: Arguments, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a server that does not start."""
    return subprocess.run(
        [*command(*SERVE), *arguments],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        cwd=folder,
        env=os.environ | environment,
    )


def error_line(done: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """The only line of the command on standard error; checks that there is no traceback."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "facewire-server: " in line]
    assert len(lines) == 1, done.stderr
    return lines[0]


Wrong = Callable[[Path], Arguments]


def file(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def a_folder(folder: Path, name: str) -> str:
    (folder / name).mkdir()
    return str(folder / name)


def a_folder_beside(folder: Path, name: str) -> str:
    a_folder(folder, name)
    return str(model(folder))


MODELS: dict[str, tuple[Wrong, str]] = {
    "missing": (lambda _: ["no.xml"], "there is no file no.xml"),
    "a folder": (lambda here: [a_folder(here, "m.xml")], "there is no file"),
    "no weights": (lambda here: [file(here, "m.xml", b"<net/>")], "m.bin"),
    "broken XML": (lambda here: [str(model(here, xml=b"<net"))], "cannot be read"),
    "half the weights": (
        lambda here: [str(model(here, weights=b"\0" * 1000))],
        "Incorrect weights",
    ),
    "broken ONNX": (lambda here: [file(here, "m.onnx", b"\x08\x08no")], "m.onnx"),
    "a name of bytes": (lambda _: [b"\xff.xml"], ".xml"),
    "a name too long": (lambda _: ["x" * 5000 + ".xml"], "File name too long"),
    "unknown": (lambda _: ["nope"], "there is no model 'nope'"),
    "a folder for a sidecar": (
        lambda here: [a_folder_beside(here, "m.toml")],
        "m.toml cannot be read",
    ),
}


@pytest.mark.parametrize("what", MODELS)
def test_a_bad_model_is_reported_in_one_line(tmp_path: Path, what: str) -> None:
    wrong, words = MODELS[what]
    assert words in error_line(run(["--model", *wrong(tmp_path)], tmp_path))


SETTINGS: dict[str, tuple[Arguments, str]] = {
    "device": (("--device", "CPUU"), "'CPUU'"),
    "property": (("--device-property", "NOPE=1"), "NOPE"),
    "value of a property": (("--device-property", "NUM_STREAMS=x"), "x"),
    "host": (("--host", "no.such.host.invalid"), "no.such.host.invalid"),
    "host of another": (("--host", "192.0.2.1"), "192.0.2.1"),
    "host of bytes": (("--host", b"\xff"), "udcff"),
    "host of bytes, workers": (("--host", b"\xff", "--workers", "2"), "udcff"),
    "property, workers": (
        ("--device-property", "NOPE=1", "--workers", "2"),
        "NOPE",
    ),
    "port": (("--port", "70000"), "--port"),
    "certificate": (("--tls-cert", "no", "--tls-key", "no"), "--tls-cert"),
    "certificate that is a folder": (
        ("--tls-cert", ".", "--tls-key", "."),
        "directory",
    ),
    "token file": (("--token-file", "no"), "--token-file"),
    "mirror": (("--pull", "--model", "yunet-640", "--mirror", "no"), "--mirror no"),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_a_bad_setting_is_reported_in_one_line(tmp_path: Path, what: str) -> None:
    arguments, words = SETTINGS[what]
    assert words in error_line(run([*arguments, "--cache", str(tmp_path)], tmp_path))


ENVIRONMENTS = {
    "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "x",
    "OTEL_PROPAGATORS": "nonsense",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "x",
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_bad_otel_variable_is_reported_in_one_line(tmp_path: Path, name: str) -> None:
    done = run(["--traces"], tmp_path, **{name: ENVIRONMENTS[name]})
    line = error_line(done)
    assert "--traces: an OTEL_* variable is wrong" in line or "/nowhere" in line


def test_a_variable_that_opentelemetry_ignores_is_logged_without_a_traceback(
    tmp_path: Path,
) -> None:
    log = serve_once(tmp_path, "--traces", OTEL_BSP_SCHEDULE_DELAY="x")
    assert "OTEL_BSP_SCHEDULE_DELAY" in log
    assert "Traceback" not in log


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that another socket listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield str(listening.getsockname()[1])


@pytest.mark.parametrize("option", ["--port", "--metrics-port"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_reported_in_one_line(
    tmp_path: Path, taken: str, option: str, workers: str
) -> None:
    done = run([option, taken, "--workers", workers], tmp_path)
    assert taken in error_line(done)


@pytest.mark.parametrize("cache", ["file/below", "x" * 300])
def test_an_unusable_cache_folder_is_only_a_warning(tmp_path: Path, cache: str) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "WARNING" in serve_once(tmp_path, "--cache", str(tmp_path / cache))


@pytest.mark.parametrize("locale", ["C", "xx_XX.nope"])
def test_the_locale_does_not_matter(tmp_path: Path, locale: str) -> None:
    assert "Traceback" not in serve_once(tmp_path, LC_ALL=locale)


def serve_once(folder: Path, *arguments: str, **environment: str) -> str:
    """Serve until it is ready; return the log."""
    with subprocess.Popen(
        [*command(*SERVE), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | environment,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            process.terminate()
            log = process.stderr.read()
            assert "listening on" in line, log
            assert process.wait(60) == 0
            return log
        finally:
            process.kill()
