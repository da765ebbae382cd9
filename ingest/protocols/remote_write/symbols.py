"""Texts of remote write 2.0: each is sent once, labels and metadata name its place."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.protocols.base import FormatError
from ingest.protocols.remote_write.labels import NAME, LabelError, Named, Pairs, check_count, named


class Symbols:
    """The texts of one request. A series that comes again is looked up, not worked out again."""

    def __init__(self, contents: Sequence[bytes]) -> None:
        """Raises FormatError where a text is no UTF-8 or the first one isn't empty."""
        try:
            self._texts = [content.decode() for content in contents]
        except UnicodeDecodeError:
            raise FormatError("A symbol is not valid UTF-8.", "symbols") from None
        if self._texts and self._texts[0]:
            raise FormatError("The first symbol must be empty.", "symbols")
        self._known: dict[tuple[int, ...], Named] = {}

    def text(self, ref: int) -> str:
        """Raises LabelError for a place that no text has; 0 is always the empty text."""
        if ref >= len(self._texts):
            if ref == 0:
                return ""
            raise LabelError(f"the reference {ref} is beyond the {len(self._texts)} symbols")
        return self._texts[ref]

    def pairs(self, refs: Sequence[int]) -> Pairs:
        """Names and values in turn. Raises LabelError."""
        if len(refs) % 2:
            raise LabelError("labels_refs has an odd length")
        check_count(len(refs) // 2)
        texts = [self.text(ref) for ref in refs]
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def named(self, refs: Sequence[int]) -> Named:
        """The series of these labels. Raises LabelError."""
        key = tuple(refs)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = named(self.pairs(key), is_utf8_allowed=True)
        return known

    def metric_name(self, refs: Sequence[int]) -> str:
        """For the words of an error: as far as the labels can be read."""
        try:
            return dict(self.pairs(refs)).get(NAME, "")
        except LabelError:
            return ""
