"""What a sender hears: 204, or plain text that says how much was not written and why."""

from __future__ import annotations

from collections import Counter

from ingest.protocols.base import Refusal
from ingest.protocols.remote_write.collecting import Kind, Sent
from storage.records import Answer, Outcome, RecordError

MAX_REASONS = 20
TEXT = "text/plain; charset=utf-8"

_WRITTEN = {
    Kind.SAMPLE: "X-Prometheus-Remote-Write-Samples-Written",
    Kind.HISTOGRAM: "X-Prometheus-Remote-Write-Histograms-Written",
    Kind.EXEMPLAR: "X-Prometheus-Remote-Write-Exemplars-Written",
}


def answer(sent: Sent, outcome: Outcome, *, is_v1: bool) -> Answer:
    """204 where all is stored, duplicates included; 400 that the sender must not repeat where some isn't.

    2.0 hears what was written in headers.
    """
    failed = Counter(sent.kinds[error.index] for error in outcome.errors)
    counts = Counter(sent.kinds)
    counts.subtract(failed)
    headers = () if is_v1 else _headers(counts)
    if not outcome.errors:
        return Answer(204, b"", TEXT, headers)
    return Answer(400, _reasons(sent, outcome.errors).encode(), TEXT, headers)


def refuse(refusal: Refusal, *, is_v1: bool) -> Answer:
    """Nothing was written. What a 2.0 sender answers by falling back to 1.0 (415) is 400 for a 1.0 sender."""
    status, detail = refusal.status, refusal.detail
    if status == 415:
        detail = (
            "Send Content-Encoding: snappy (block format) and Content-Type: application/x-protobuf, "
            "for 2.0 with ;proto=io.prometheus.write.v2.Request."
        )
        status = 400 if is_v1 else 415
    return Answer(status, f"{detail}\n".encode(), TEXT, () if is_v1 else _headers(Counter()))


def _headers(counts: Counter[int]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(counts[kind])) for kind, name in _WRITTEN.items())


def _reasons(sent: Sent, errors: list[RecordError]) -> str:
    """One line for each reason and metric, the most frequent first."""
    found = Counter((_reason(error), sent.names[error.index]) for error in errors)
    lines = [f"{len(errors)} of {len(sent.kinds)} were not written:"]
    for (reason, name), number in found.most_common(MAX_REASONS):
        times = f" ({number} times)" if number > 1 else ""
        lines.append(f"- {reason}: {name or 'a series without a name'}{times}")
    if len(found) > MAX_REASONS:
        lines.append(f"- and {len(found) - MAX_REASONS} more reasons")
    return "\n".join(lines) + "\n"


def _reason(error: RecordError) -> str:
    if error.code == "conflict":
        return f"duplicate sample for timestamp, {error.message}"
    return error.message
