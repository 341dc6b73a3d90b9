"""Ray Serve, imported before the tests of it."""

import warnings

with warnings.catch_warnings():
    # It declares fields in a way that pydantic deprecates, which is for its authors to know.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ray.serve  # noqa: F401
