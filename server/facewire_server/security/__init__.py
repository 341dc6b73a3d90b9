"""Who may call: TLS, tokens, and the warning about what is left open."""
