"""The messages and stubs of the package facewire.v1, generated from detect.proto."""
