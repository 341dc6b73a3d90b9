"""The facewire server: images in over gRPC, boxes out."""
