"""What can go wrong with an embedded server."""

from __future__ import annotations


class EmbeddedServerError(RuntimeError):
    """A server can't be used; the text is one line fit to show to the operator."""
