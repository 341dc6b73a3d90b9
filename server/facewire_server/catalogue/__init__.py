"""The published models: what there is, how it is fetched, where it is kept.

It knows nothing of OpenVINO, and only `pull` and what it uses know of HTTP.
"""
