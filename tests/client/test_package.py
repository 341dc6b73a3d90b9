"""What the package imports, and the names that it shows."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import facewire_client
from facewire_client import AsyncFaceClient, FaceClient

# Makes the import of any package that only the server needs fail.
BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "PIL", "cv2", "facewire_ext", "facewire_server", "numpy", "openvino"
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run(code: str) -> str:
    """Return the output of Python in a process without the server's packages."""
    command = [sys.executable, "-c", BLOCK + code]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_the_clients_need_no_heavy_package() -> None:
    code = """
from facewire_client import AsyncFaceClient, FaceClient
from facewire_client.request import fill_request
from facewire.v1.detect_pb2 import DetectRequest
request = DetectRequest()
fill_request(request, memoryview(bytes(12)).cast("B", (2, 2, 3)), limit=12)
print(request.raw_image.width, FaceClient("localhost:1"))
"""
    assert run(code) == "2 FaceClient('localhost:1')\n"


def test_the_command_needs_no_heavy_package() -> None:
    code = "from facewire_client.cli.root import root; print(sorted(root.commands))"
    assert "'detect'" in run(code)


def test_importing_the_package_imports_no_grpc() -> None:
    # The command sets gRPC's environment before gRPC is imported.
    code = "import facewire_client, sys; print('grpc' in sys.modules)"
    assert run(code) == "False\n"


def test_every_public_name_can_be_imported() -> None:
    assert "FaceClient" in dir(facewire_client)
    for name in dir(facewire_client):
        assert getattr(facewire_client, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(facewire_client, "absent")


@pytest.mark.parametrize("client", [FaceClient, AsyncFaceClient])
def test_a_client_shows_its_methods_and_nothing_else(
    client: type[FaceClient] | type[AsyncFaceClient],
) -> None:
    names = {name for name in dir(client("localhost:1")) if not name.startswith("_")}
    assert names == {"detect", "detect_stream", "models", "model", "health", "close"}


def test_both_clients_are_made_with_the_same_named_arguments() -> None:
    blocking, asynchronous = (inspect.signature(each) for each in (FaceClient, AsyncFaceClient))
    assert blocking == asynchronous
    assert [name for name in blocking.parameters if name != "target"] == [
        *("token", "root_certificates", "certificate_chain", "private_key"),
        *("tls", "timeout", "max_message_mb"),
    ]


def imports(module: Path) -> Iterator[str]:
    """Yield the modules that a file imports, in functions and for type checkers too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_no_module_imports_the_server() -> None:
    modules = list(Path(facewire_client.__file__).parent.rglob("*.py"))
    assert len(modules) > 10
    for module in modules:
        packages = {name.partition(".")[0] for name in imports(module)}
        assert "facewire_server" not in packages, module
