"""docs/kubernetes.md matches the manifests, the options and the metrics."""

import re
from pathlib import Path

import yaml

from tests.deploy.files import DEPLOY
from tests.deploy.kustomize import build
from tests.docs.test_operations import known_options

TEXT = (DEPLOY.parent / "docs" / "kubernetes.md").read_text()


def test_its_options_are_known() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert named - known_options() == {"--kustomize"}


def test_its_components_are_there() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", TEXT, re.MULTILINE)
    folder = DEPLOY / "kubernetes" / "components"
    assert sorted(rows) == sorted(each.name for each in folder.iterdir())


def test_its_kustomization_can_be_built() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    settings = yaml.safe_load(block)
    (base,) = (Path(each).relative_to("deploy") for each in settings["resources"])
    components = [Path(each).name for each in settings["components"]]
    kinds = {each["kind"] for each in build(str(base), *components)}
    assert {"Deployment", "ScaledObject", "GRPCRoute"} <= kinds


def test_its_paths_are_there() -> None:
    paths = re.findall(r"`((?:deploy|tests|scripts)/[\w/.-]+)`", TEXT)
    assert paths
    for path in paths:
        assert (DEPLOY.parent / path).exists(), path


def test_it_names_the_versions_that_are_validated_against() -> None:
    script = (DEPLOY.parent / "scripts" / "check-manifests").read_text()
    versions = re.findall(r"\$\(module \S+@v(\d+\.\d+)\.\d+\)", script)
    assert len(versions) == 4
    validated = TEXT[TEXT.index("`scripts/check-manifests` validates") :].split("\n\n")[0]
    for version in versions:
        assert version in validated
