"""Access to the server: TLS, tokens, and the warning about missing protection.

Rule: this room knows gRPC and the settings, and nothing of `rpc`: the function that refuses
a call is passed in.
"""
