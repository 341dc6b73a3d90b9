"""The part of OpenVINO's Model API that tests use; the package has no py.typed."""
