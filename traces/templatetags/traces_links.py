from __future__ import annotations

from django import template

from traces import links

register = template.Library()
register.filter("span_url", links.span_url)
