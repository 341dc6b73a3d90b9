"""gRPC within a call: admission, messages, deadlines, errors, streams, health, traces.

Rule: no other room knows the messages of a call, and this one knows nothing of loading,
reloading or stopping a server.
"""
