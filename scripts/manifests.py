"""Validate the manifests of Kubernetes in files: python manifests.py FILE ...

Kinds that a CustomResourceDefinition among them defines are validated against it, the others
against the schemas of Kubernetes; a field that a schema does not have is a mistake. Exits
with 1 if there is one.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

OLDEST = "1.30.0"
"""The oldest Kubernetes that supports all fields."""

DEFINITION = "CustomResourceDefinition"

Schemas = dict[tuple[str, str], Any]
"""The schema of each apiVersion and kind."""


def main(*paths: str) -> int:
    """Print what is wrong, and how many manifests each file has; return the exit code."""
    files = {path: read(Path(path)) for path in paths}
    schemas = schemas_of(each for documents in files.values() for each in documents)
    wrong = 0
    for path, documents in files.items():
        checked = [each for each in documents if each["kind"] != DEFINITION]
        found = [line for each in checked for line in mistakes(each, schemas)]
        wrong += len(found)
        if checked:
            print(
                f"{Path(path).stem}: {len(checked)} manifests, {len(found)} mistakes",
                *found,
                sep="\n",
            )
    return 1 if wrong else 0


def read(path: Path) -> list[Any]:
    """Read all documents of a file."""
    # The parser in Python takes seconds for a definition that contains all fields of a pod.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [each for each in yaml.load_all(path.read_text(), loader) if each]


def schemas_of(documents: Iterable[Any]) -> Schemas:
    """Return the schemas of all versions of the kinds that are defined; see `closed`."""
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): closed(
            version["schema"]["openAPIV3Schema"]
        )
        for document in documents
        if document["kind"] == DEFINITION
        for spec in [document["spec"]]
        for version in spec["versions"]
    }


def mistakes(document: Any, schemas: Schemas) -> Iterator[str]:
    """Say what a manifest has that its schema does not allow, or that it has no schema."""
    name = f"{document['kind']} {document['metadata']['name']}"
    if schema := schemas.get((document["apiVersion"], document["kind"])):
        for error in Draft202012Validator(schema).iter_errors(document):
            yield f"{name}: {error.json_path}: {error.message}"
        return
    try:
        kubernetes_validate.validate(document, OLDEST, strict=True)
    except (
        kubernetes_validate.ValidationError,
        kubernetes_validate.SchemaNotFoundError,
    ) as error:
        yield f"{name}: {error.message}"


def closed(schema: Any) -> Any:
    """Return a schema that refuses the fields that Kubernetes would drop.

    `metadata` stays open: definitions say no more of it than that it is an object.
    """
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(each) for key, each in schema.items()}
    described = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if described and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
