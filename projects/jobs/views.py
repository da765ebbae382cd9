"""The pages of long work: all jobs, one job with its progress; starting, stopping, trying again, fetching results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from projects import figures
from projects.jobs import results, starting
from projects.jobs.progress import STATES, progress_of
from projects.jobs.registry import CannotStart, Kind, kind_of
from projects.models import UNFINISHED, Job, JobStatus, Project
from projects.pages.page import Page
from projects.pages.scope import Scope
from projects.visibility import visible_projects

SHOWN = 100
SUFFIXES = {"csv": "csv", "jsonl": "jsonl"}
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
ENDED = "It has ended meanwhile."


class JobsPage(Page):
    """The newest jobs: the reader's own, all of them for superusers."""

    title = "Exports and jobs"
    template = "projects/jobs.html"
    permission = ""
    has_range = False
    needs_project = False
    panels = {"jobs": "projects/jobs_list.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        return self.panel_jobs(scope)

    def panel_jobs(self, scope: Scope) -> dict[str, Any]:
        user = scope.request.user
        jobs = Job.objects.select_related("project", "user").order_by("-created_at", "-pk")
        if not user.is_superuser:
            jobs = jobs.filter(user=user.pk)
        rows = [shown(job, scope) for job in jobs[:SHOWN]]
        return {"rows": rows, "is_last": not any(row["is_unfinished"] for row in rows), "most": SHOWN}


class JobPage(Page):
    """One job: how far it is, and what can be done with it."""

    title = "Job"
    template = "projects/job.html"
    permission = ""
    has_range = False
    needs_project = False
    panels = {"progress": "projects/job_progress.html"}

    def context(self, scope: Scope) -> dict[str, Any]:
        found = self.panel_progress(scope)
        return {**found, "title": found["words"]}

    def panel_progress(self, scope: Scope) -> dict[str, Any]:
        job = _visible(scope.request, self.kwargs["job_id"])
        return {
            **shown(job, scope),
            "is_last": job.status not in UNFINISHED,
            "may_download": starting.may_download(scope.request.user, job),
        }


def shown(job: Job, scope: Scope) -> dict[str, Any]:
    """What the templates say about a job."""
    kind = kind_of(job.kind)
    return {
        "job": job,
        "start": _moment(job, "start"),
        "end": _moment(job, "end"),
        "words": kind.words if kind else job.kind,
        "unit": kind.unit if kind else "rows",
        "state": STATES[JobStatus(job.status)],
        "progress": progress_of(job, scope.now),
        "is_unfinished": job.status in UNFINISHED,
        "can_retry": job.status in (JobStatus.FAILED, JobStatus.CANCELLED),
        "has_result": job.status == JobStatus.DONE and job.result_bytes > 0,
        "size": figures.size(job.result_bytes),
        "goes_at": job.finished_at + results.KEPT if job.finished_at else None,
        "is_gone": job.status == JobStatus.DONE and job.result_bytes == 0 and "format" in job.parameters,
    }


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """`job` names the kind; all else is the kind's to understand. Leads to the job's page, or back with the reason."""
    given = {name: str(value) for name, value in request.POST.items()}
    given.pop("csrfmiddlewaretoken", None)
    kind = kind_of(given.pop("job", ""))
    if kind is None:
        raise Http404
    user = request.user
    assert not isinstance(user, AnonymousUser)  # the page asks for a login
    if not starting.may_start(user, kind):
        raise PermissionDenied
    project = _project(request, kind, given.pop("project", ""))
    try:
        job = starting.start(kind, user, project, given, timezone.now())
    except CannotStart as problem:
        messages.error(request, str(problem))
        return redirect(_page_before(request))
    return redirect("job", job.pk)


@require_POST
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    job = _visible(request, job_id)
    if not starting.cancel(job, timezone.now()):
        messages.warning(request, ENDED)
    return redirect("job", job.pk)


@require_POST
def retry(request: HttpRequest, job_id: int) -> HttpResponse:
    """Only by those who could start it now."""
    job = _visible(request, job_id)
    kind = kind_of(job.kind)
    if kind is None or not starting.may_start(request.user, kind):
        raise PermissionDenied
    assert not isinstance(request.user, AnonymousUser)  # the page asks for a login
    try:
        starting.retry(job, request.user)
    except CannotStart as problem:
        messages.error(request, str(problem))
    return redirect("job", job.pk)


@require_POST
def delete_result(request: HttpRequest, job_id: int) -> HttpResponse:
    """Make room before its day is over."""
    job = _visible(request, job_id)
    if job.status not in UNFINISHED:
        results.drop(job)
    return redirect("job", job.pk)


@require_GET
def download(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """The result; `?gzip=1` as it is stored, which is some ten times smaller."""
    job = _visible(request, job_id)
    if not starting.may_download(request.user, job):
        raise PermissionDenied
    if job.status != JobStatus.DONE or not job.result_bytes:
        raise Http404
    file_format = str(job.parameters["format"])
    name = f"{job.kind.removeprefix('export_')}-{job.created_at:%Y%m%dT%H%M%SZ}.{SUFFIXES[file_format]}"
    if request.GET.get("gzip"):
        answer = StreamingHttpResponse(results.packed_pieces(job), content_type="application/gzip")
        name += ".gz"
    else:
        answer = StreamingHttpResponse(results.plain_pieces(job), content_type=CONTENT_TYPES[file_format])
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


def _moment(job: Job, name: str) -> datetime | None:
    """Of the time range that a job is about, where it is about one."""
    text = job.parameters.get(name)
    return datetime.fromisoformat(text) if text else None


def _page_before(request: HttpRequest) -> str:
    """Where the form was, so that it can be mended; the list of jobs where the browser doesn't say."""
    before = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    return before if is_ours else "jobs"


def _project(request: HttpRequest, kind: Kind, text: str) -> Project | None:
    if not kind.of_project:
        return None
    found = next((one for one in visible_projects(request.user) if str(one.pk) == text), None)
    if found is None:
        raise Http404
    return found


def _visible(request: HttpRequest, job_id: int) -> Job:
    job = Job.objects.select_related("project", "user").filter(pk=job_id).first()
    if job is None or not starting.may_see(request.user, job):
        raise Http404
    return job
