"""The application that Ray Serve imports."""

import subprocess
import sys

import pytest

from facewire_server.errors import ConfigError
from facewire_server.ray import app


def python(code: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_wrong_argument_is_an_error_before_anything_is_deployed() -> None:
    with pytest.raises(ConfigError, match="'port' has no meaning on Ray Serve"):
        app({"port": 1})


def test_without_ray_one_line_says_what_to_install() -> None:
    done = python("import sys; sys.modules['ray'] = None; import facewire_server.ray")
    last = done.stderr.splitlines()[-1]
    assert last == "ImportError: serving on Ray needs Ray Serve: pip install 'facewire[ray]'"


def test_a_server_does_not_import_ray() -> None:
    done = python("import sys, facewire_server.lifecycle.run; print('ray' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def test_a_proxy_with_the_router_imports_nothing_that_serves() -> None:
    done = python(
        "import sys, facewire_server.ray.model_router;"
        " print([name for name in ('openvino', 'cv2') if name in sys.modules])"
    )
    assert done.stdout == "[]\n", done.stderr
