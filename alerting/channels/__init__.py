"""Where messages go. Each sub-folder is one kind of channel and offers its `KIND`; there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from alerting.channels.base import ChannelKind
from alerting.channels.errors import ConfigError, TransportError

__all__ = ["ChannelKind", "ConfigError", "TransportError", "channel_kinds", "kind"]


@cache
def channel_kinds() -> dict[str, ChannelKind]:
    """All kinds by name."""
    folders = sorted(found.name for found in pkgutil.iter_modules(__path__) if found.ispkg)
    kinds = [importlib.import_module(f"{__name__}.{folder}").KIND for folder in folders]
    return {one.name: one for one in kinds}


def kind(name: str) -> ChannelKind:
    """Raises ConfigError under "kind" for a name that no folder has."""
    try:
        return channel_kinds()[name]
    except KeyError:
        known = ", ".join(channel_kinds())
        raise ConfigError(
            {"kind": f"There is no kind of channel named {name!r}; there are: {known}."}
        ) from None
