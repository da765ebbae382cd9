"""Secrets and addresses of people in what clients sent, before others of the project read it."""

from __future__ import annotations

import re

HIDDEN = "***"
MAX_LOOKED_AT = 1000

_SECRET_NAME = re.compile(
    r"passw|pwd|secret|token|api.?key|access.?key|write.?key|authori[sz]ation|cookie|cred|card|iban|ssn|jwt|sess"
    # A "pin" of its own: "shipping" and "spinner" hide nothing.
    r"|private|phone|(?<![a-z])pin(?![a-z])|(?-i:[a-z]P(?:in|IN)(?![a-z]))",
    re.IGNORECASE,
)
_ADDRESS_NAME = re.compile(r"(?<![a-z])ip$|(?-i:[a-z]I[pP]$)|addr", re.IGNORECASE)

# An IPv6 address has all eight parts or "::" somewhere, else times of day would be some.
_SECRET_VALUE = re.compile(
    r"""
      (?P<kept> [?&] \w* (?:token|key) = ) [^&\s"'<>]++
    | \b bearer \s++ [^\s"']++
    | (?<![a-z0-9]) tp_ [\w-]++
    | \b (?-i:eyJ) [\w.-]++
    | [^\s@<>"']{1,64} @ [^\s@<>"']{1,255}
    | (?<![\w.]) \d{1,3} (?:\.\d{1,3}){3} (?![\w.]*\w)
    | (?<![\w:]) (?:[0-9a-f]{1,4}:){7} [0-9a-f]{1,4} (?![\w:])
    | (?<![\w:]) [0-9a-f]{1,4} (?::[0-9a-f]{1,4}){0,6} :: (?:[0-9a-f]{1,4} (?::[0-9a-f]{1,4}){0,6})? (?![\w:])
    | (?<![\w:]) :: [0-9a-f]{1,4} (?::[0-9a-f]{1,4}){0,6} (?![\w:])
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_secret(name: str) -> bool:
    """Whether what stands under this name is hidden whatever it is."""
    return _SECRET_NAME.search(name) is not None


def is_address(name: str) -> bool:
    """Whether a text under this name is where somebody is to be found."""
    return _ADDRESS_NAME.search(name) is not None


def masked(text: str) -> str:
    """The first 1,000 characters of a text, keys, tokens, mail and IP addresses hidden."""
    return _SECRET_VALUE.sub(lambda found: (found["kept"] or "") + HIDDEN, text[:MAX_LOOKED_AT])
