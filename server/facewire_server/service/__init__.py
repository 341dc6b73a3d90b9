"""The gRPC shell: everything that knows of gRPC, and nothing that knows of images."""
