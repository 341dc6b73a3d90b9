"""All that speaks gRPC in a call: messages, admission, deadlines, errors, streams, traces.

Rule: no other room knows the messages of a call, and this one nothing of loading, reloading
or stopping a server.
"""
