"""Parts of pages' addresses."""

from __future__ import annotations


class AnyText:
    """Whatever a client chose as an id: slashes and line breaks, too."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
