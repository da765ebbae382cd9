"""Keeping a funnel under a name."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from analytics.funnels.asked import DEFAULT_RANGE, SAVED, Body, body_of, told
from analytics.funnels.parsing import parse_funnel
from analytics.matchers import MatcherError
from analytics.models.funnels import SavedFunnel
from projects.pages.page import Problem
from projects.pages.scope import scope_of
from storage.values import has_nul

SLUG_LENGTH = 50

ANY_RANGE = {"start": "2026-01-01", "end": "2026-01-02"}
"""A comparison needs a range, which a saved funnel gets only when it is asked."""


class SavedFunnelForm(forms.ModelForm[SavedFunnel]):
    """What people say of a funnel when they save it; the question comes from the builder, as JSON."""

    question = forms.CharField()

    class Meta:
        model = SavedFunnel
        fields = ("name", "description", "question", "is_recorded", "recorded_days")

    def clean_question(self) -> Body:
        try:
            return checked(body_of(self.cleaned_data["question"]))
        except Problem as problem:
            raise forms.ValidationError(str(problem)) from None
        except MatcherError as error:
            raise forms.ValidationError(told(error)) from None


def checked(body: Body) -> Body:
    """The question as it is, where it makes sense. Raises MatcherError."""
    for name in ANY_RANGE.keys() & body.keys():
        raise MatcherError(name, "Is said when the funnel is asked, and not saved with it.")
    parse_funnel({**body, **ANY_RANGE})
    return body


@require_POST
def save(request: HttpRequest) -> JsonResponse:
    """Save the posted funnel as a new one, or in the place of `saved`, of `?project=`: `{"url"}` of its page.

    400 `{"errors": {field: [text]}}` for what can't be saved.
    """
    scope = scope_of(request, DEFAULT_RANGE)
    if scope.project is None:
        raise Http404
    slug = request.POST.get(SAVED, "")
    if has_nul(slug):
        raise Http404
    if not request.user.has_perm(f"analytics.{'change' if slug else 'add'}_savedfunnel"):
        raise PermissionDenied
    former = get_object_or_404(SavedFunnel, project=scope.project, slug=slug) if slug else None
    form = SavedFunnelForm(request.POST, instance=former)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    funnel = form.save(commit=False)
    if former:
        # At once, so that one sees that it works.
        funnel.record_at = None
        funnel.save()
    else:
        keep(funnel, scope.project.pk, request.user if isinstance(request.user, User) else None)
    return JsonResponse({"url": scope.url(reverse("explore_funnels"), **{SAVED: funnel.slug})})


def keep(funnel: SavedFunnel, project_id: int, author: User | None) -> None:
    """Store a new funnel under a slug that its project doesn't have yet, made of its name."""
    funnel.project_id, funnel.created_by = project_id, author
    for slug in _slugs(funnel.name):
        funnel.slug = slug
        try:
            with transaction.atomic():
                funnel.save(force_insert=True)
                return
        except IntegrityError:
            # Taken: there is another of this name.
            continue
    raise ValueError(f"No slug is free for {funnel.name!r}.")


def _slugs(name: str) -> Iterator[str]:
    base = slugify(name)[:SLUG_LENGTH] or "funnel"
    yield base
    yield from (f"{base}-{number}" for number in range(2, 6))
    # So many of one name: nobody counts on.
    yield f"{base}-{secrets.token_hex(4)}"
