"""Whatever is wrong at the start is one line and an exit status, never a trace."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from facewire_server.models.source import DATA, EMBEDDED
from tests.server.process import command
from tests.server.strangers import as_stranger

NANO = DATA / EMBEDDED / EMBEDDED

SERVE = ("serve", "--port", "0", "--metrics-port", "off")

Arguments = Sequence[str | bytes]


def model(folder: Path, *, xml: bytes | None = None, weights: bytes | None = None) -> Path:
    """A copy of the embedded model, with something wrong about it."""
    path = folder / "m.xml"
    path.write_bytes(NANO.with_suffix(".xml").read_bytes() if xml is None else xml)
    content = NANO.with_suffix(".bin").read_bytes() if weights is None else weights
    path.with_suffix(".bin").write_bytes(content)
    return path


def run(arguments: Arguments, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a server says that does not start."""
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


def told(done: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """The one line that says what is wrong."""
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
def test_a_model_that_is_no_good_is_one_line(tmp_path: Path, what: str) -> None:
    wrong, words = MODELS[what]
    assert words in told(run(["--model", *wrong(tmp_path)], tmp_path))


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
def test_a_setting_that_is_no_good_is_one_line(tmp_path: Path, what: str) -> None:
    arguments, words = SETTINGS[what]
    assert words in told(run([*arguments, "--cache", str(tmp_path)], tmp_path))


ENVIRONMENTS = {
    "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "x",
    "OTEL_PROPAGATORS": "nonsense",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "x",
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_that_is_no_good_is_one_line(tmp_path: Path, name: str) -> None:
    done = run(["--traces"], tmp_path, **{name: ENVIRONMENTS[name]})
    line = told(done)
    assert "--traces: an OTEL_* variable is wrong" in line or "/nowhere" in line


def test_what_opentelemetry_makes_do_without_is_told_without_a_trace(
    tmp_path: Path,
) -> None:
    log = serve_once(tmp_path, "--traces", OTEL_BSP_SCHEDULE_DELAY="x")
    assert "OTEL_BSP_SCHEDULE_DELAY" in log
    assert "Traceback" not in log


CONFIGS = {
    "missing": None,
    "broken": b"port = ",
    "not UTF-8": b"host = '\xff'",
    "of another kind": b"stall-seconds = [1, 2]",
    "a date": b"host = 2026-01-01",
    "no number": b"grace = true",
}


@pytest.mark.parametrize("what", CONFIGS)
def test_a_file_of_settings_that_is_no_good_is_wrong_usage(tmp_path: Path, what: str) -> None:
    path, content = tmp_path / "facewire.toml", CONFIGS[what]
    if content is not None:
        path.write_bytes(content)
    done = run(["--config", str(path)], tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield str(listening.getsockname()[1])


@pytest.mark.parametrize("option", ["--port", "--metrics-port"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_one_line(
    tmp_path: Path, taken: str, option: str, workers: str
) -> None:
    done = run([option, taken, "--workers", workers], tmp_path)
    assert taken in told(done)


def test_a_folder_that_is_not_ours_is_one_line(tmp_path: Path) -> None:
    demo = command("demo", "--output", str(tmp_path / "new"))
    done = subprocess.run(
        as_stranger(demo),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told(done).endswith("new: Permission denied")


@pytest.mark.parametrize("cache", ["file/below", "x" * 300])
def test_a_cache_that_cannot_be_made_only_costs_time(tmp_path: Path, cache: str) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "WARNING" in serve_once(tmp_path, "--cache", str(tmp_path / cache))


@pytest.mark.parametrize("locale", ["C", "xx_XX.nope"])
def test_the_locale_does_not_matter(tmp_path: Path, locale: str) -> None:
    assert "Traceback" not in serve_once(tmp_path, LC_ALL=locale)


def serve_once(folder: Path, *arguments: str, **environment: str) -> str:
    """Serves until it is ready; returns the log."""
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


FAULT = """
import sys
from facewire_server.security import warning
from facewire_server.__main__ import main
def fault(config):
    raise RuntimeError("a fault of ours")
warning.security_warning = fault
sys.argv[1:] = ["serve", "--port", "0", "--log-level", sys.argv[1]]
main()
"""


@pytest.mark.parametrize(("level", "traces"), [("debug", 1), ("info", 0)])
def test_a_trace_is_shown_at_debug_level_alone(tmp_path: Path, level: str, traces: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULT, level],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == traces
    last = done.stderr.splitlines()[-1]
    assert last.startswith("facewire-server: unforeseen RuntimeError: a fault of ours")


def test_nothing_is_written_where_an_output_was_closed(tmp_path: Path) -> None:
    """The first socket or file would be opened in its place."""
    script = f"exec {sys.executable} -m facewire_server models list 0<&- 1>&- 2>&-"
    done = subprocess.run(["sh", "-c", script], check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 0
    script = f"exec {sys.executable} -m facewire_server serve --model no.xml 1>&- 2>&-"
    done = subprocess.run(["sh", "-c", script], check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 1


def test_an_output_that_is_full_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("models", "list"),
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "facewire-server: No space left on device\n"
