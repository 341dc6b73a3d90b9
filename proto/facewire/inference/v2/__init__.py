"""The messages and stubs of the package inference, generated from open_inference.proto."""
