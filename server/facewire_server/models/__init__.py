"""What a model is before it is compiled: files, metadata, sidecar, name."""
