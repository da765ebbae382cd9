"""Who owns telemetry: projects, their API keys, members and retention; and the long work that people start."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Scope(models.TextChoices):
    INGEST = "ingest", "Send telemetry"
    READ = "read", "Read telemetry"
    MANAGE = "manage", "Manage rules and channels"


class KeyKind(models.TextChoices):
    SERVER = "server", "Server: kept secret by a program of yours"
    BROWSER = "browser", "Browser: public, in a web page or an app"


MAX_SESSION_GAP_MINUTES = 7 * 24 * 60


class Project(models.Model):
    """The owner of telemetry; nothing is visible across projects."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="projects",
        help_text="Staff users who see this project in the admin. Superusers see all projects.",
    )
    session_gap_minutes = models.PositiveIntegerField(
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_SESSION_GAP_MINUTES)],
        help_text="Events without a session id: whoever is silent for longer begins another session.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key of one project. Only its SHA-256 is stored: keys are random, so a slow hash would buy nothing.

    Anybody can read a browser key in the page that uses it. So it only sends, at a rate of its own, and where wanted
    only from some origins and only some events.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=KeyKind.choices, default=KeyKind.SERVER)
    prefix = models.CharField(max_length=8, editable=False, help_text="First 8 characters, to recognise it.")
    key_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    rate_limit_per_second = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Requests per second over all web workers; empty means no limit (server keys).",
    )
    record_limit_per_second = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    """Of browser keys only; over all web workers."""
    allowed_origins = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    """As `origins.normalised`; empty means any."""
    allowed_event_names = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    """Empty means anything, also what is no event."""
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["project", "name"]
        constraints = [
            models.CheckConstraint(
                name="browser_keys_only_send",
                condition=~models.Q(kind=KeyKind.BROWSER) | models.Q(scopes=[Scope.INGEST]),
                violation_error_message="A browser key can only send telemetry.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"


MAX_RETENTION_DAYS = 3650


def _days(
    default: int, name: str | None = None, help_text: str = ""
) -> models.PositiveIntegerField[int | None, int | None]:
    return models.PositiveIntegerField(
        name,
        null=True,
        blank=True,
        default=default,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RETENTION_DAYS)],
        help_text=help_text,
    )


class RetentionPolicy(models.Model):
    """How many days each kind of data of a project is kept, null for ever. Projects without a row use the defaults.

    A tier of roll-ups outlives its own days where the raw data it was made from is kept for longer.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="retention_policy")
    events_days = _days(90)
    metrics_days = _days(180)
    business_days = _days(180)
    traces_days = _days(30)
    rollup_minutes_days = _days(365, "1-minute roll-ups days", "For charts of some hours.")
    rollup_hours_days = _days(365, "1-hour roll-ups days", "For charts of days and weeks.")
    rollup_days_days = _days(365, "1-day roll-ups days", "For charts of months, and distinct users.")
    alerts_days = _days(365)
    audit_days = _days(730)

    class Meta:
        verbose_name_plural = "Retention policies"
        ordering = ["project"]

    changed_by_key_id: int | None = None
    """The API key that changes it now; no column."""

    def __str__(self) -> str:
        return f"Retention of {self.project}"

    def get_additional_data(self) -> dict[str, int] | None:
        """What the audit log asks for beside a change: over the API it is no user's."""
        return {"api_key_id": self.changed_by_key_id} if self.changed_by_key_id else None


class JobStatus(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class Job(models.Model):
    """Long work that somebody started, done by a worker step by step (see `projects.jobs`).

    The row is the truth, messages to workers are hints: `cursor` says where the next step goes on, so that a job
    outlives the worker that began it.
    """

    kind = models.CharField(max_length=50)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    """None: the work is about all projects."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    parameters = models.JSONField(default=dict)
    words = models.TextField(blank=True)
    """What exactly it does, for people."""
    status = models.CharField(max_length=10, choices=JobStatus.choices, default=JobStatus.QUEUED)
    cursor = models.JSONField(null=True)
    done_count = models.BigIntegerField(default=0)
    done_ratio = models.FloatField(null=True)
    """0 to 1; None while nobody can say."""
    result_bytes = models.BigIntegerField(default=0)
    """Of its chunks as they are stored; 0 where there is no result, or no longer."""
    notes = models.JSONField(default=list)
    """Lines about what was left out, and why."""
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    """When its last step ended."""
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    """While a worker has it; a worker that was killed lets it run out."""
    claim_count = models.IntegerField(default=0)
    """Which claim is the valid one: a worker that lost its own can't write any more."""
    failure_count = models.IntegerField(default=0)
    """How often in a row a worker got no step further."""

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="jobs_of_user"),
            models.Index(
                fields=["created_at"],
                name="jobs_unfinished",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class JobChunk(models.Model):
    """A piece of a job's result, compressed; pieces follow each other by id."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"piece {self.pk} of job {self.job_id}"
