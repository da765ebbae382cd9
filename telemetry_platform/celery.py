"""The Celery application. Messages are hints, rows are the truth: nothing here may hang or pile up without Valkey."""

from __future__ import annotations

import gc
import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_before_create_process
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_platform.settings")

# About root and pickle; JSON is all that is accepted here.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")

CONNECT_TIMEOUT_SECONDS = 2
SOCKET_TIMEOUT_SECONDS = 3

app = Celery("telemetry_platform")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=CONNECT_TIMEOUT_SECONDS,
    broker_transport_options={
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        # For publishing: a request or tick gives up soon, the next tick finds the rows.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
    },
    task_publish_retry=True,
    task_publish_retry_policy={
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
    },
    task_ignore_result=True,
    result_expires=None,
    task_serializer="json",
    accept_content=["json"],
    # Early: what a dying worker held is due again in its row; a late repeat of a message would only add load.
    task_acks_late=False,
    # No soft limit beside it: a task that sets a shorter limit of its own would be refused.
    task_time_limit=150,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    timezone="UTC",
)
if settings.RUNS_TASKS:
    app.autodiscover_tasks()
# `shared_task` looks here, also in processes that only publish.
app.set_default()


@setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Celery configures logging itself unless this signal has a receiver."""


@worker_before_create_process.connect
def _share_memory(**_: Any) -> None:
    """Keep the collector away from what is loaded before the fork: touched pages are no longer shared."""
    gc.collect()
    gc.freeze()
