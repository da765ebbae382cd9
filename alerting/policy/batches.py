"""Work on many rows of which one may be bad: it must not keep the others from their turn."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

Id = TypeVar("Id")


def in_batches(
    ids: Sequence[Id],
    work: Callable[[Sequence[Id]], int],
    put_off: Callable[[Id], None],
    *,
    size: int,
    seconds: float,
) -> int:
    """Do `work`, a transaction of its own, for all ids in batches; returns the sum of its results.

    A batch that fails is done again in halves until the bad id is alone; that one is logged and `put_off`. No batch
    begins after `seconds`. Raises where the database itself is in trouble: no id is to blame for that.
    """
    ends_at = time.monotonic() + seconds
    waiting = [ids[start : start + size] for start in range(0, len(ids), size)][::-1]
    done = 0
    while waiting and time.monotonic() < ends_at:
        batch = waiting.pop()
        try:
            done += work(batch)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(batch) == 1:
                logger.exception("%s failed for %s and is put off", work.__name__, batch[0])
                put_off(batch[0])
            else:
                middle = len(batch) // 2
                waiting += [batch[middle:], batch[:middle]]
    return done
