"""Builds what pyproject.toml cannot describe: the gRPC stubs and the Cython code.

FACEWIRE_EXT_DEBUG=1 builds the extension with bounds checks on.
"""

import os
from pathlib import Path

from grpc_tools import protoc
from grpc_tools.command import BuildPackageProtos
from setuptools import Extension, setup
from setuptools.command.build import build

# No fused multiply-add: every level of vectors has to give the same bits.
COMPILE_ARGS = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno"]
COMPILE_ARGS += ["-fno-trapping-math"]
DEBUG = os.environ.get("FACEWIRE_EXT_DEBUG") == "1"


class BuildProto(BuildPackageProtos):
    """Writes the Python gRPC stubs beside their .proto files."""

    def run(self):
        protos = [str(path) for path in sorted(Path("proto").rglob("*.proto"))]
        outputs = ["--python_out=proto", "--grpc_python_out=proto"]
        outputs += ["--mypy_out=quiet:proto", "--mypy_grpc_out=quiet:proto"]
        if protoc.main(["protoc", "-Iproto", *outputs, *protos]) != 0:
            raise SystemExit("protoc failed; its message is above")


# A command of its own, because `pip install -e .` hides the errors of an
# overridden build_py.
build.sub_commands.insert(0, ("build_proto", None))


def extension(source):
    """The extension module of one .pyx file."""
    module = Extension(
        f"facewire_ext.{source.stem}",
        [str(source)],
        extra_compile_args=COMPILE_ARGS,
        depends=[str(path) for path in Path("ext").rglob("*.h")],
    )
    module.cython_directives = {
        "language_level": 3,
        "boundscheck": DEBUG,
        "initializedcheck": DEBUG,
        "wraparound": False,
        "cdivision": True,
        "embedsignature": True,
    }
    return module


setup(
    cmdclass={"build_proto": BuildProto},
    ext_modules=[extension(path) for path in sorted(Path("ext").rglob("*.pyx"))],
)
