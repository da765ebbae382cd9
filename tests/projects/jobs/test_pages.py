"""Who may start, see, stop and fetch long work, and what its pages say."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from projects.jobs import hints, running, starting
from projects.models import Job, JobStatus, Project
from projects.pages.page import STOP_POLLING
from tests.admin import member_client, superuser_client
from tests.projects.jobs.stage import COUNTING, make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(project: Project) -> Client:
    return member_client(project, "events.event")


def user_of(client: Client) -> User:
    user = get_user(client)
    assert isinstance(user, User)
    return user


def start(client: Client, project: Project, **given: str) -> Job:
    answer = client.post(reverse("start_job"), {"job": COUNTING.name, "project": project.pk, **given})
    job = Job.objects.latest("pk")
    assert answer.headers["Location"] == reverse("job", args=[job.pk])
    return job


def page(client: Client, job: Job, query: str = "") -> str:
    return client.get(reverse("job", args=[job.pk]) + query).content.decode()


def test_a_member_starts_work_watches_it_and_fetches_the_result(member: Client, project: Project) -> None:
    job = start(member, project)
    assert "Waiting" in page(member, job)
    running.run_slice(1e-9)
    assert 'value="20"' in page(member, job)
    running.run_slice(60)
    assert "Download" in page(member, job)
    answer = member.get(reverse("job_result", args=[job.pk]))
    assert answer.getvalue().decode().splitlines() == [f"line {number}" for number in range(5)]
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    assert job.parameters == {"format": "csv"}, "neither token nor project"


def test_a_worker_is_asked_at_once(
    member: Client, project: Project, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        start(member, project)
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        messages = [json.loads(message) for message in broker.lrange("celery", 0, -1)]
    assert hints.RUN in {message["headers"]["task"] for message in messages}


def test_work_is_started_only_with_permission_in_an_own_project_and_by_post(
    member: Client, project: Project, other_project: Project, client: Client
) -> None:
    url = reverse("start_job")
    assert member.get(url).status_code == 405
    assert "/login/" in client.post(url, {"job": COUNTING.name}).headers["Location"]
    given = {"job": COUNTING.name, "project": other_project.pk}
    assert member.post(url, given).status_code == 404
    assert member.post(url, {**given, "project": ""}).status_code == 404
    assert member.post(url, {**given, "job": "no_such"}).status_code == 404
    assert member_client(project).post(url, {**given, "project": project.pk}).status_code == 403
    for kind in ("purge", "rebuild_rollups"):
        assert member.post(url, {"job": kind}).status_code == 403
    assert not Job.objects.exists()


def test_forged_forms_are_refused(member: Client, project: Project) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user_of(member))
    assert strict.post(reverse("start_job"), {"job": COUNTING.name, "project": project.pk}).status_code == 403


def test_others_see_nothing_of_it_and_superusers_all(member: Client, project: Project) -> None:
    job = start(member, project)
    stranger = member_client(project, "events.event")
    for name in ("job", "job_result"):
        assert stranger.get(reverse(name, args=[job.pk])).status_code == 404
    for name in ("cancel_job", "retry_job", "delete_job_result"):
        assert stranger.post(reverse(name, args=[job.pk])).status_code == 404
        assert member.get(reverse(name, args=[job.pk])).status_code == 405
    assert "Count" not in stranger.get(reverse("jobs")).content.decode()
    assert user_of(member).username in superuser_client().get(reverse("jobs")).content.decode()


def test_who_leaves_a_project_can_not_fetch_its_data_any_more(member: Client, project: Project) -> None:
    job = start(member, project)
    running.run_slice(60)
    project.members.remove(user_of(member))
    assert member.get(reverse("job_result", args=[job.pk])).status_code == 403
    assert reverse("job_result", args=[job.pk]) not in page(member, job)


def test_refreshes_end_with_the_job(member: Client, project: Project) -> None:
    job = start(member, project)
    url = reverse("job", args=[job.pk]) + "?panel=progress"
    assert "hx-trigger" in page(member, job)
    assert member.get(url).status_code == 200
    running.run_slice(60)
    assert member.get(url).status_code == STOP_POLLING
    assert "every 1s" not in page(member, job)


def test_cancel_try_again_and_delete(member: Client, project: Project) -> None:
    job = start(member, project)
    running.run_slice(1e-9)
    member.post(reverse("cancel_job", args=[job.pk]))
    assert "Cancelled" in page(member, job)
    assert (
        "It has ended meanwhile"
        in member.post(reverse("cancel_job", args=[job.pk]), follow=True).content.decode()
    )
    member.post(reverse("retry_job", args=[job.pk]))
    running.run_slice(60)
    assert "Download" in page(member, job)
    member.post(reverse("delete_job_result", args=[job.pk]))
    assert "The result is no longer kept" in page(member, job)
    assert member.get(reverse("job_result", args=[job.pk])).status_code == 404


def test_what_failed_says_why_and_can_be_tried_again(member: Client, project: Project) -> None:
    job = make_job(user_of(member), status=JobStatus.FAILED, error="No <room>.", finished_at=timezone.now())
    text = page(member, job)
    assert "No &lt;room&gt;." in text
    assert reverse("retry_job", args=[job.pk]) in text


def test_one_person_has_at_most_some_unfinished_jobs(member: Client, project: Project) -> None:
    for _ in range(starting.MOST_UNFINISHED):
        start(member, project)
    given = {"job": COUNTING.name, "project": project.pk}
    before = reverse("how_to_send")
    answer = member.post(
        reverse("start_job"), given, follow=True, headers={"Referer": f"http://testserver{before}"}
    )
    assert answer.redirect_chain == [(f"http://testserver{before}", 302)]
    assert "are not finished yet" in answer.content.decode()
    assert Job.objects.count() == starting.MOST_UNFINISHED


def test_nobody_is_led_to_another_site(project: Project) -> None:
    member = member_client(project, "traces.span")
    given = {"job": "export_spans", "project": project.pk, "start": "never"}
    answer = member.post(reverse("start_job"), given, headers={"Referer": "https://evil.example/"})
    assert answer.headers["Location"] == reverse("jobs")


def test_results_have_a_room_of_their_own(member: Client, project: Project) -> None:
    make_job(make_user(), status=JobStatus.DONE, result_bytes=starting.MOST_STORED_BYTES)
    answer = member.post(reverse("start_job"), {"job": COUNTING.name, "project": project.pk}, follow=True)
    assert "fill the room" in answer.content.decode()


def test_an_empty_list_says_what_will_be_here(member: Client) -> None:
    assert "No jobs yet" in member.get(reverse("jobs")).content.decode()


def test_the_list_shows_the_newest_and_asks_no_more_for_many(
    member: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now, user = timezone.now(), user_of(member)
    for number in range(120):
        make_job(user, project=project, words=f"<i>{number}", created_at=now - timedelta(minutes=number))
    with django_assert_max_num_queries(11):
        text = member.get(reverse("jobs")).content.decode()
    assert "&lt;i&gt;0" in text
    assert "<i>" not in text
    assert "The newest 100" in text
