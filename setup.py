"""Build the gRPC stubs and the Cython code, which pyproject.toml cannot describe.

Environment variables for test builds of the extension (see `scripts/build-ext`):
FACEWIRE_EXT_DEBUG=1: bounds checks; FACEWIRE_EXT_SANITIZE=1: AddressSanitizer and
UndefinedBehaviorSanitizer; FACEWIRE_EXT_FUZZ=1: the same for libFuzzer, which contains the
runtime of both; FACEWIRE_EXT_COVERAGE=1: line tracing.
"""

import os
from pathlib import Path

import grpc_tools
from google.api import annotations_pb2
from grpc_tools import protoc
from grpc_tools.command import BuildPackageProtos
from setuptools import Extension, setup
from setuptools.command.build import build

# -ffp-contract=off: no fused multiply-add, because all SIMD levels must give the same bits.
# The other two allow loops with square roots and comparisons to be vectorized; they do not
# change results.
COMPILE_ARGS = ["-O3", "-g0", "-ffp-contract=off"]
COMPILE_ARGS += ["-fno-math-errno", "-fno-trapping-math"]
SANITIZERS = ["-fsanitize=address,undefined,float-cast-overflow"]
SANITIZERS += ["-fno-sanitize-recover=all"]


# Folders of imported .proto files: google/protobuf and google/api.
IMPORTED = (
    Path(grpc_tools.__file__).parent / "_proto",
    Path(annotations_pb2.__file__).parents[2],
)


def switched_on(name):
    return os.environ.get(f"FACEWIRE_EXT_{name}") == "1"


DEBUG = switched_on("DEBUG")
COVERAGE = switched_on("COVERAGE")
LINK_ARGS = []
if switched_on("SANITIZE") or switched_on("FUZZ"):
    COMPILE_ARGS += [*SANITIZERS, "-O1", "-g", "-fno-omit-frame-pointer"]
if switched_on("SANITIZE"):
    LINK_ARGS += SANITIZERS
if switched_on("FUZZ"):
    COMPILE_ARGS += ["-fsanitize-coverage=trace-pc,trace-cmp"]
    COMPILE_ARGS += ["-include", "ext/facewire_ext/_coverage.h"]


class BuildProto(BuildPackageProtos):
    """Write the Python gRPC stubs beside their .proto files."""

    def run(self):
        protos = [str(path) for path in sorted(Path("proto").rglob("*.proto"))]
        outputs = ["--python_out=proto", "--grpc_python_out=proto"]
        outputs += ["--mypy_out=quiet:proto", "--mypy_grpc_out=quiet:proto"]
        folders = [f"-I{folder}" for folder in ("proto", *IMPORTED)]
        if protoc.main(["protoc", *folders, *outputs, *protos]) != 0:
            raise SystemExit("protoc failed; its message is above")
        self._use_own_pool(Path("proto/facewire/inference/v2/open_inference_pb2.py"))

    @staticmethod
    def _use_own_pool(module):
        """Have generated messages register in a descriptor pool of their own.

        The package `inference` is that of the protocol, and protobuf refuses a second
        definition of a message in one pool: a process could not import tritonclient, kserve
        or mlserver beside these messages.
        """
        text = module.read_text()
        default, own = "_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()"
        if text.count(default) != 1:
            raise SystemExit(f"{module} does not use the default pool once, as expected")
        module.write_text(text.replace(default, own))


# A separate command, because `pip install -e .` hides the errors of an overridden build_py.
build.sub_commands.insert(0, ("build_proto", None))


def extension(source):
    """Return the extension module of one .pyx file."""
    module = Extension(
        f"facewire_ext.{source.stem}",
        [str(source)],
        define_macros=[("CYTHON_TRACE_NOGIL", "1")] if COVERAGE else [],
        extra_compile_args=COMPILE_ARGS,
        extra_link_args=LINK_ARGS,
        depends=[str(path) for path in Path("ext").rglob("*.h")],
    )
    module.cython_directives = {
        "language_level": 3,
        "boundscheck": DEBUG,
        "initializedcheck": DEBUG,
        "wraparound": False,
        "cdivision": True,
        "embedsignature": True,
        "linetrace": COVERAGE,
    }
    return module


setup(
    cmdclass={"build_proto": BuildProto},
    ext_modules=[extension(path) for path in sorted(Path("ext").rglob("*.pyx"))],
    options={"build_ext": {"parallel": os.cpu_count()}},
)
