"""What templates of pages need again and again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects import figures
from projects.pages.zones import zone_name

if TYPE_CHECKING:
    # Not at run time: the admin's base loads these tags while it is imported, and the scope needs that base.
    from projects.pages.scope import Scope

register = template.Library()


@register.simple_tag(takes_context=True)
def url_with(context: template.Context, **changed: Any) -> str:
    """This page with some parameters changed; "" takes one away."""
    scope: Scope = context["scope"]
    return scope.here(**changed)


@register.simple_tag(takes_context=True)
def url_to(context: template.Context, base: str, **others: Any) -> str:
    """Another page about the same project and time."""
    scope: Scope = context["scope"]
    return scope.url(base, **others)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """3 h ago; the exact time in the reader's zone on hover."""
    return figures.NOTHING if moment is None else _time(moment, figures.age(moment, timezone.now()))


@register.filter
def exact(moment: datetime | None) -> SafeString | str:
    """2026-01-31 14:30:05 in the reader's zone, which hovering names."""
    if moment is None:
        return figures.NOTHING
    return _time(moment, f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}")


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    """14:30:05.250, for rows of one day."""
    if moment is None:
        return figures.NOTHING
    return _time(moment, f"{timezone.localtime(moment):%H:%M:%S.%f}"[:-3])


@register.filter
def amount(value: float | None) -> str:
    """1.23 k"""
    return figures.number(value)


@register.filter
def milliseconds(value: float | None) -> str:
    """12.5 ms, 1.93 s"""
    return figures.duration(value)


@register.filter
def rate(per_second: float | None) -> str:
    """1.2 k/s, 3/min"""
    return figures.NOTHING if per_second is None else figures.rate(per_second)


@register.filter
def percent(ratio: float | None) -> str:
    """A ratio as 2.5 %"""
    return figures.percent(ratio)


def _time(moment: datetime, text: str) -> SafeString:
    zone = zone_name(timezone.get_current_timezone())
    title = f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S} {zone}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), title, text)
