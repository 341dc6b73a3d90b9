"""Other languages' code is generated from the .proto files, with the names that they say."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileOptions

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2

ROOT = Path(__file__).parents[2]
FILES = ("facewire/v1/detect.proto", "facewire/inference/v2/open_inference.proto")
PLUGINS = ROOT / ".tools"
PROTOC = shutil.which("protoc")

GENERATED = {
    "cpp": ("facewire/v1/detect.pb.h", "namespace facewire {"),
    "csharp": ("Detect.cs", "namespace Facewire.V1 {"),
    "java": ("com/facewire/v1/DetectRequest.java", "package com.facewire.v1;"),
    "kotlin": ("com/facewire/v1/DetectRequestKt.kt", "com.facewire.v1.DetectRequest"),
    "objc": ("facewire/v1/Detect.pbobjc.h", "@interface FWVDetectRequest "),
    "php": ("Facewire/V1/DetectRequest.php", "namespace Facewire\\V1;"),
    "ruby": ("facewire/v1/detect_pb.rb", "module Facewire\n  module V1"),
    "go": (
        "github.com/facewire/facewire/gen/go/facewire/v1/detect.pb.go",
        "package facewirev1",
    ),
}
"""By language: a file that protoc writes, and what is in it."""


@pytest.mark.skipif(PROTOC is None, reason="protoc is not here")
@pytest.mark.parametrize("language", GENERATED)
def test_code_is_generated(language: str, tmp_path: Path) -> None:
    assert PROTOC is not None
    if language == "go" and not shutil.which("protoc-gen-go", path=PLUGINS):
        pytest.skip("protoc-gen-go is not in .tools")
    imported = Path(annotations_pb2.__file__).parents[2]
    options = [f"-I{ROOT / 'proto'}", f"-I{imported}", f"--{language}_out={tmp_path}"]
    if language == "go":
        options.append(f"--plugin={PLUGINS / 'protoc-gen-go'}")
    done = subprocess.run(
        [PROTOC, *options, *FILES], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    path, words = GENERATED[language]
    assert words in (tmp_path / path).read_text()


@pytest.mark.parametrize("module", [detect_pb2, open_inference_pb2])
def test_every_language_has_its_option(module: Any) -> None:
    options: FileOptions = module.DESCRIPTOR.GetOptions()
    assert {field.name for field, _ in options.ListFields()} == {
        "csharp_namespace",
        "go_package",
        "java_multiple_files",
        "java_outer_classname",
        "java_package",
        "objc_class_prefix",
        "php_namespace",
        "ruby_package",
    }


@pytest.mark.parametrize(
    ("method", "verb", "path", "body"),
    [
        ("Detect", "post", "/v1/detect", "*"),
        ("DetectImage", "post", "/v1/detect-image", "image"),
        ("ListModels", "get", "/v1/models", ""),
        ("GetModel", "get", "/v1/models/{name}", ""),
    ],
)
def test_the_paths_of_http_are_fixed(method: str, verb: str, path: str, body: str) -> None:
    service = detect_pb2.DESCRIPTOR.services_by_name["DetectService"]
    rule = service.methods_by_name[method].GetOptions().Extensions[annotations_pb2.http]
    assert (getattr(rule, verb), rule.body) == (path, body)
