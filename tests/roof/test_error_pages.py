"""Errors of pages say in plain words what happened, and lead back."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from telemetry_platform import errors
from tests.admin import superuser_client


@pytest.mark.django_db
def test_a_page_that_is_not_there_says_so_and_leads_back() -> None:
    answer = superuser_client().get("/admin/jobs/999999999/")
    assert answer.status_code == 404
    shown = answer.content.decode()
    assert "This page is not there" in shown
    assert 'href="/admin/"' in shown


def _at(path: str) -> HttpRequest:
    return RequestFactory().get(path)


def test_what_went_wrong_here_is_said_without_a_traceback() -> None:
    answer = errors.server_error(_at("/admin/"))
    assert (answer.status_code, "Something went wrong here" in answer.content.decode()) == (500, True)


def test_what_one_may_not_do_is_said() -> None:
    answer = errors.permission_denied(_at("/admin/"), PermissionError("no"))
    assert (answer.status_code, "You may not do this" in answer.content.decode()) == (403, True)


def test_the_api_answers_in_json() -> None:
    answer = Client().get("/nothing/here")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
