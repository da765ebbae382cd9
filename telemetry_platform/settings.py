"""Django settings; every outside value comes through `environment.load`."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from telemetry_platform import environment, logs, navigation, packages, stores

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = environment.load(os.environ)

SECRET_KEY = ENV.secret_key
SECRET_KEY_FALLBACKS = list(ENV.secret_key_fallbacks)
DEBUG = ENV.debug
PUBLIC_URL = ENV.public_url
WEB_WORKERS = ENV.web_workers
METRICS_TOKEN = ENV.metrics_token
SEGMENT_ACCEPT_UNKNOWN_KEYS = ENV.segment_accept_unknown_keys
TRUSTED_PROXIES = ENV.trusted_proxies
SELF_PROJECT = ENV.self_project
SELF_TELEMETRY_FLUSHES = True
SOURCES_FLUSHES = True
DATA_FOLDER = ENV.home
DATABASE_DIRECT_URL = ENV.database_direct_url
ALLOWED_HOSTS = list(ENV.allowed_hosts) or [
    "localhost",
    "127.0.0.1",
    "[::1]",
    ENV.host,
    urlsplit(PUBLIC_URL).hostname or "",
]

INSTALLED_APPS = [
    "unfold",
    "telemetry_platform.apps.PlatformConfig",
    "projects",
    "storage",
    "events",
    "metrics",
    "traces",
    "ingest",
    "analytics",
    "alerting",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "auditlog",
]

MIDDLEWARE = [
    "telemetry_platform.draining.DrainMiddleware",
    "telemetry_platform.proxies.TrustedProxyMiddleware",
    "telemetry_platform.self_telemetry.requests.SelfTelemetryMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "telemetry_platform.audit_actor.AuditActorMiddleware",
    "telemetry_platform.zones.ReaderZoneMiddleware",
]

AUTHENTICATION_BACKENDS = [
    "telemetry_platform.permissions.PermissionsBackend",
    "django.contrib.auth.backends.ModelBackend",
]

ROOT_URLCONF = "telemetry_platform.urls"
WSGI_APPLICATION = "telemetry_platform.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": stores.django_database(stores.database_url(ENV))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = stores.redis_url(ENV)
CELERY_BROKER_URL = stores.broker_url(REDIS_URL)
RUNS_TASKS = True
DJANGO_CELERY_BEAT_TZ_AWARE = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

IS_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_SECURE
SESSION_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "telemetry_platform.errors.csrf_failure"
LOGIN_REDIRECT_URL = "admin:index"

# Messages about alerts go out by these alone; `alerting` reads them when it sends.
EMAIL_URL = ENV.email_url
TELEMETRY_OUTBOUND_ALLOW = ENV.outbound_allow
TELEMETRY_HEARTBEAT_URL = ENV.heartbeat_url
SLACK_API_URL = "https://slack.com/api"

DEFAULT_FROM_EMAIL = ENV.default_from_email

logs.configure_structlog()
LOGGING = logs.logging_settings()

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "telemetry_platform.formats"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
STATICFILES_DIRS = [("plotly", packages.folder_of("plotly") / "package_data")]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["projects.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["projects.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "projects.api.negotiation.AnyAccept",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "projects.api.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
}

UNFOLD = navigation.UNFOLD

SPECTACULAR_SETTINGS = {
    "TITLE": "Telemetry platform",
    "ENUM_NAME_OVERRIDES": {
        "AlertStatusEnum": "alerting.models.Status",
        "ExperimentMetricKindEnum": "analytics.models.experiments.MetricKind",
        "NotificationStatusEnum": "alerting.models.NotificationStatus",
        "SpanStatusEnum": "traces.models.SpanStatus",
        "SeverityEnum": "alerting.models.Severity",
    },
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ApiKey": {"type": "http", "scheme": "bearer", "description": "An API key of a project."}
        }
    },
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
