"""Who may call: TLS, tokens, and the warning about what is left open.

Rule: it knows gRPC and the settings, and nothing of `rpc`: what refuses a call is given to it.
"""
