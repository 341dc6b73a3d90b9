"""Several processes that serve on one port with one `/metrics`; knows lifecycle, not rpc."""
