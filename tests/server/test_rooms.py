"""The rules of the rooms, checked by the imports in the source text of server and client."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pytest

import facewire_client
import facewire_server

ROOT = Path(__file__).parents[2]
SERVER, CLIENT = "facewire_server", "facewire_client"

ORDER = (
    *("__main__", "ray", "cli", "workers", "lifecycle", "rpc", "security", "scheduling"),
    *("telemetry", "batch", "inference", "models", "catalogue", "config", "image", "system"),
    "errors",
)
"""The rooms of the server, and the modules beside them: none imports from one before it."""

ONLY_ERRORS = ("scheduling", "system")
"""Rooms that import no other room: what they do needs no server."""

GRPC = ("grpc", "grpc_health", "grpc_reflection", "facewire")
"""gRPC and the generated stubs."""

RESERVED: dict[str, dict[str, tuple[str, ...]]] = {
    SERVER: {
        **dict.fromkeys(GRPC, ("rpc", "security", "lifecycle", "ray")),
        "ray": ("ray", "batch"),
        "openvino": ("inference",),
        "nncf": ("inference",),
        "pyarrow": ("batch",),
        "click": ("cli", "__main__"),
        CLIENT: ("cli", "__main__"),
    },
    CLIENT: {"click": ("cli", "__main__"), SERVER: ()},
}
"""By importing package: other packages, and the rooms that import them."""

ENVIRONMENT = {
    SERVER: ("cli", "__main__", "rpc/tracing.py"),  # OTEL_* is how OpenTelemetry is configured
    CLIENT: ("cli", "__main__", "connection.py"),  # gRPC and others take proxies from there
}
"""What reads variables of the environment: rooms, or single modules."""

CODE_IN_INIT = ("cli", "config", "image", "inference/heads", "ray")
"""Packages whose `__init__` has code: the group of the commands, the names of the settings,
the set-up of OpenCV, the list of the heads, the application that Ray Serve imports."""

MOST_LINES = 250


@dataclass(frozen=True)
class Module:
    """The source text of a module, which is `path` in the folder of its package."""

    package: str
    path: str
    text: str

    @cached_property
    def room(self) -> str:
        """The folder below the package, or the name of a module that is in none."""
        return self.path.partition("/")[0].removesuffix(".py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> set[str]:
        """What it imports, wherever: modules, and names that may be modules."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"a relative import in {self.path}"
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    @property
    def rooms(self) -> set[str]:
        """The rooms of its own package that it imports from."""
        names = (name.split(".") for name in self.imports)
        return {parts[1] for parts in names if parts[0] == self.package and len(parts) > 1}

    def is_in(self, places: tuple[str, ...]) -> bool:
        """Whether it is in one of these rooms, or is one of these modules."""
        return self.room in places or self.path in places


def modules_of(package: ModuleType) -> list[Module]:
    root = Path(package.__path__[0])
    paths = sorted(root.rglob("*.py"))
    assert paths, f"no modules in {root}"
    return [
        Module(package.__name__, str(path.relative_to(root)), path.read_text()) for path in paths
    ]


MODULES = [*modules_of(facewire_server), *modules_of(facewire_client)]
TESTS = [
    Module("tests", str(path.relative_to(ROOT / "tests")), path.read_text())
    for path in sorted((ROOT / "tests").rglob("*.py"))
]

Rule = Callable[[Module], Iterator[str]]
"""Yields what is wrong with a module."""


def imports_from_below(module: Module) -> Iterator[str]:
    if module.package == SERVER and module.path != "__init__.py":
        for room in sorted({module.room, *module.rooms} - set(ORDER)):
            yield f"{room} is no room"
        if module.room in ORDER:
            above = ORDER[: ORDER.index(module.room)]
            yield from (f"imports {room} from above" for room in sorted(module.rooms & {*above}))


def knows_only_errors(module: Module) -> Iterator[str]:
    if module.package == SERVER and module.room in ONLY_ERRORS:
        yield from (f"imports {room}" for room in module.rooms - {module.room, "errors"})


def leaves_packages_to_their_rooms(module: Module) -> Iterator[str]:
    for package in {name.partition(".")[0] for name in module.imports}:
        rooms = RESERVED[module.package].get(package)
        if rooms is not None and not module.is_in(rooms):
            yield f"imports {package}"


def leaves_environment_to_cli(module: Module) -> Iterator[str]:
    if not module.is_in(ENVIRONMENT[module.package]):
        for node in ast.walk(module.tree):
            if ast.unparse(node) in ("os.environ", "os.getenv", "os.environb"):
                yield f"reads the environment in line {getattr(node, 'lineno', 0)}"
        for name in module.imports & {"os.environ", "os.getenv", "os.environb"}:
            yield f"imports {name}"


def init_states_a_rule(module: Module) -> Iterator[str]:
    """Of folders in other rooms, such as image/formats, a docstring is enough."""
    if module.package == SERVER and module.path.endswith("/__init__.py"):
        folder = module.path.removesuffix("/__init__.py")
        docstring = ast.get_docstring(module.tree) or ""
        if not docstring or ("/" not in folder and "Rule: " not in docstring):
            yield "states no rule"
        if len(module.tree.body) > 1 and folder not in CODE_IN_INIT:
            yield "has code"


def has_no_more_lines(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > MOST_LINES:
        yield f"has {lines} lines"


def imports_no_benchmarks(module: Module) -> Iterator[str]:
    if module.room != "benchmarks":
        yield from (f"imports {name}" for name in module.imports if name.startswith("benchmarks"))


RULES: dict[Rule, list[Module]] = {
    imports_from_below: MODULES,
    knows_only_errors: MODULES,
    leaves_packages_to_their_rooms: MODULES,
    leaves_environment_to_cli: MODULES,
    init_states_a_rule: MODULES,
    has_no_more_lines: MODULES,
    imports_no_benchmarks: TESTS,
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_holds(rule: Rule) -> None:
    wrong = [
        f"{module.package}/{module.path}: {complaint}"
        for module in RULES[rule]
        for complaint in rule(module)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("rule", "package", "path", "text"),
    [
        (imports_from_below, SERVER, "rpc/a.py", "from facewire_server.lifecycle import server"),
        (imports_from_below, SERVER, "rpc/a.py", "from facewire_server.lifecycle.run import run"),
        (imports_from_below, SERVER, "errors.py", "import facewire_server.system.memory"),
        (imports_from_below, SERVER, "rpc/a.py", "def f():\n    from facewire_server import cli"),
        (imports_from_below, SERVER, "attic/a.py", ""),
        (imports_from_below, SERVER, "rpc/a.py", "from facewire_server.attic import a"),
        (knows_only_errors, SERVER, "scheduling/a.py", "from facewire_server.system import b"),
        (knows_only_errors, SERVER, "system/a.py", "from facewire_server.config import Config"),
        (leaves_packages_to_their_rooms, SERVER, "telemetry/a.py", "import grpc.aio"),
        (leaves_packages_to_their_rooms, SERVER, "image/a.py", "from facewire.v1 import b"),
        (leaves_packages_to_their_rooms, SERVER, "models/a.py", "from openvino import Core"),
        (leaves_packages_to_their_rooms, SERVER, "catalogue/a.py", "import click"),
        (leaves_packages_to_their_rooms, SERVER, "inference/a.py", "import ray.data"),
        (leaves_packages_to_their_rooms, SERVER, "workers/a.py", "import facewire_client.cli"),
        (
            leaves_packages_to_their_rooms,
            CLIENT,
            "bench/a.py",
            "from facewire_server import config",
        ),
        (leaves_packages_to_their_rooms, CLIENT, "aio.py", "import click"),
        (leaves_environment_to_cli, SERVER, "rpc/a.py", "a = os.environ['B']"),
        (leaves_environment_to_cli, SERVER, "rpc/a.py", "from os import environ"),
        (leaves_environment_to_cli, CLIENT, "aio.py", "a = os.getenv('B')"),
        (init_states_a_rule, SERVER, "rpc/__init__.py", '"""What speaks gRPC."""'),
        (init_states_a_rule, SERVER, "image/formats/__init__.py", ""),
        (init_states_a_rule, SERVER, "rpc/__init__.py", '"""Rule: one."""\nimport os'),
        (has_no_more_lines, CLIENT, "aio.py", "\n" * (MOST_LINES + 1)),
        (imports_no_benchmarks, "tests", "server/a.py", "from benchmarks.proc import memory"),
    ],
)
def test_a_module_that_breaks_a_rule_is_found(
    rule: Rule, package: str, path: str, text: str
) -> None:
    assert list(rule(Module(package, path, text)))
