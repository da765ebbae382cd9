"""Base of every HTTP view: keys, scopes, limits, errors, keyset pages, strict filters.

Nothing is gathered here: DRF imports the authentication while it is itself half imported.
"""
