"""Forms as a browser would send them back."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


def filled_in(page: str, form_id: str) -> dict[str, Any]:
    """What a browser posts when the form of this id is sent as it came."""
    parser = _FormParser(form_id)
    parser.feed(page)
    return parser.fields


class _FormParser(HTMLParser):
    """Collects inputs, text areas and selections; a name that comes more than once becomes a list."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self._form_id = form_id
        self._is_inside = False
        self._select = ""
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("id") == self._form_id
        elif self._is_inside and tag == "input" and "name" in given:
            self._input(given)
        elif self._is_inside and tag == "textarea":
            self._area = given["name"]
            self.fields[self._area] = ""
        elif self._is_inside and tag == "select":
            self._select = given["name"]
        elif self._is_inside and tag == "option" and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = given.get("value", "")

    def _input(self, given: dict[str, str]) -> None:
        if given.get("type") == "submit" or (given.get("type") == "checkbox" and "checked" not in given):
            return
        name, value = given["name"], given.get("value", "on" if given.get("type") == "checkbox" else "")
        if name in self.fields:
            before = self.fields[name]
            self.fields[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            self.fields[name] = value

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            # The line break after the tag is not part of the text, and browsers send CR LF.
            text = data if self.fields[self._area] else data.removeprefix("\r\n").removeprefix("\n")
            self.fields[self._area] += text.replace("\r\n", "\n").replace("\n", "\r\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "textarea":
            self._area = None
