"""Settings come from flags, from the environment and from a file, by the same names."""

from collections.abc import Callable, Iterator
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pytest
from click.testing import CliRunner, Result

from facewire_server.cli.options import read_settings
from facewire_server.cli.serve import serve as command
from facewire_server.config import Config
from facewire_server.config.setting import setting_of

SINGULAR = {"models": "model", "device_properties": "device_property"}
"""What may be given several times is named by the singular."""

REPEATED = "a=b"
"""Both the path of a model and a property of a device."""


class Sample(NamedTuple):
    """A setting with a value that is not its default; `given` is how it is written."""

    field: str
    name: str
    given: str
    value: Any


def samples(kind: Any) -> Iterator[Sample]:
    """One for each field of a dataclass, and of the dataclasses in it."""
    for each in fields(kind):
        hint: Any = get_type_hints(kind)[each.name]
        if is_dataclass(hint):
            yield from samples(hint)
        else:
            yield Sample(each.name, SINGULAR.get(each.name, each.name), *_other(each, hint))


def _other(each: Field[Any], hint: Any) -> tuple[str, Any]:
    """A value that a field of this type does not have by default, and how it is written."""
    if each.name == "socket_mode":
        return "0640", 0o640
    if each.name == "metrics_port":
        return "off", None
    if choices := setting_of(each).choices:
        return next((text, text) for text in choices if text != each.default)
    if hint is bool:
        return str(not each.default).lower(), not each.default
    if get_origin(hint) is tuple:
        return REPEATED, (REPEATED,)
    plain = get_args(hint)[0] if get_args(hint) else hint
    given = {int: "7", float: "7.5", str: "text", Path: "path"}[plain]
    return given, plain(given)


SAMPLES = list(samples(Config))

FOR_ONE_WORKER = [sample for sample in SAMPLES if sample.name != "workers"]
FOR_WORKERS = [
    sample for sample in SAMPLES if sample.name not in ("model_control", "shared_memory")
]

Source = Callable[[list[Sample], Path, pytest.MonkeyPatch], list[str]]
"""Sets the settings in one way; returns what the command line needs for it."""


def from_flags(given: list[Sample], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    flags = []
    for sample in given:
        flag = sample.name.replace("_", "-")
        if isinstance(sample.value, bool):
            flags.append(f"--{flag}" if sample.value else f"--no-{flag}")
        else:
            flags += [f"--{flag}", sample.given]
    return flags


def from_variables(given: list[Sample], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for sample in given:
        monkeypatch.setenv(f"FACEWIRE_{sample.name.upper()}", sample.given)
    return []


def from_file(given: list[Sample], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines = []
    for sample in given:
        is_bare = isinstance(sample.value, bool | float) or sample.given.isdigit()
        value = sample.given if is_bare and sample.given[0] != "0" else f'"{sample.given}"'
        lines.append(f"{sample.name.replace('_', '-')} = {value}")
    return ["--config", write(folder, "\n".join(lines))]


@pytest.mark.parametrize("given", [FOR_ONE_WORKER, FOR_WORKERS], ids=["one", "several"])
@pytest.mark.parametrize("source", [from_flags, from_variables, from_file])
def test_every_setting_has_a_flag_a_variable_and_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source, given: list[Sample]
) -> None:
    with command.make_context("serve", source(given, tmp_path, monkeypatch)) as context:
        config = read_settings(Config, context)
    for sample in given:
        holder = config if hasattr(config, sample.field) else config.limits
        assert getattr(holder, sample.field) == sample.value, sample


def test_every_option_is_a_setting_or_names_the_file() -> None:
    names = {sample.name for sample in SAMPLES}
    assert {option.name for option in command.params} == names | {"config"}


def serve(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(command, arguments, env=environment)


def test_the_command_line_wins_over_the_environment(configs: list[Config]) -> None:
    serve("--port", "1", FACEWIRE_PORT="2", FACEWIRE_METRICS_PORT="3")
    assert (configs[0].port, configs[0].metrics_port) == (1, 3)


def test_the_token_file_can_come_from_the_environment(configs: list[Config]) -> None:
    serve(FACEWIRE_TOKEN_FILE="t")
    assert configs[0].token_file == Path("t")


def test_several_models_come_from_one_variable(configs: list[Config]) -> None:
    serve(FACEWIRE_MODEL="a.xml b.xml")
    assert configs[0].models == ("a.xml", "b.xml")


def write(folder: Path, text: str) -> str:
    path = folder / "facewire.toml"
    path.write_text(text)
    return str(path)


def test_the_command_line_and_the_environment_win_over_the_file(
    configs: list[Config], tmp_path: Path
) -> None:
    path = write(
        tmp_path,
        'port = 1\nmax-queue = 2\ngrace = 3\nmodel = "a.xml"\nmetrics-port = "off"\n',
    )
    result = serve("--config", path, "--port", "9", FACEWIRE_MAX_QUEUE="8")
    assert result.exit_code == 0, result.output
    config = configs[0]
    assert (config.port, config.max_queue, config.grace) == (9, 8, 3)
    assert config.models == ("a.xml",)
    assert config.metrics_port is None


@pytest.mark.parametrize("mode", ['"0660"', "0o660"])
def test_a_file_may_have_the_socket_mode_as_text_or_as_an_octal_number(
    configs: list[Config], tmp_path: Path, mode: str
) -> None:
    serve("--config", write(tmp_path, f"socket-mode = {mode}"))
    assert configs[0].socket_mode == 0o660


def test_a_file_may_list_several_models(configs: list[Config], tmp_path: Path) -> None:
    serve("--config", write(tmp_path, 'model = ["a.xml", "b.xml"]'))
    assert configs[0].models == ("a.xml", "b.xml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "'prot'"),
        ("[port]\nnumber = 1", "'port'"),
        ("port = ", "cannot be read"),
        ('port = "many"', "many"),
    ],
)
def test_a_bad_file_is_wrong_usage_with_what_is_bad(
    configs: list[Config], tmp_path: Path, text: str, message: str
) -> None:
    result = serve("--config", write(tmp_path, text))
    assert result.exit_code == 2
    assert message in result.output
    assert not configs


CONFIGS = {
    "missing": None,
    "broken": b"port = ",
    "not UTF-8": b"host = '\xff'",
    "of another kind": b"stall-seconds = [1, 2]",
    "a date": b"host = 2026-01-01",
    "no number": b"grace = true",
    "no octal digits": b"socket-mode = 1.5",
}


@pytest.mark.parametrize("what", CONFIGS)
def test_a_bad_file_is_one_error_line_on_standard_error(tmp_path: Path, what: str) -> None:
    path, content = tmp_path / "facewire.toml", CONFIGS[what]
    if content is not None:
        path.write_bytes(content)
    done = serve("--config", str(path))
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("Error: ")


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
def test_wrong_usage_exits_with_two(configs: list[Config], arguments: tuple[str, ...]) -> None:
    assert serve(*arguments).exit_code == 2
    assert not configs


def test_help_names_every_option_with_its_default() -> None:
    text = serve("--help").output
    for sample in SAMPLES:
        assert f"--{sample.name.replace('_', '-')}" in text
    assert "50051" in text
    assert "127.0.0.1" in text
