"""Programs that keep their key to themselves."""

from __future__ import annotations

from ingest.how_to_send.base import Client, Part

CURL = Client(
    "curl",
    "JSON with curl",
    "The platform's own JSON, for scripts and for a first try. Up to 10,000 records in one request; "
    "the answer names each record that was not stored.",
    (
        Part(
            "An event",
            """
curl __URL__/api/v1/events \\
  -H "Authorization: Bearer __KEY__" \\
  -H "Content-Type: application/json" \\
  -d '{"events": [{"event_name": "order_placed", "user_id": "u1", "properties": {"amount": 12.5}}]}'
""",
        ),
        Part(
            "A metric point",
            """
curl __URL__/api/v1/metrics \\
  -H "Authorization: Bearer __KEY__" \\
  -H "Content-Type: application/json" \\
  -d '{"metrics": [{"metric_name": "queue_length", "metric_value": 3, "service_name": "worker"}]}'
""",
        ),
        Part(
            "A request that may be tried again",
            """
curl __URL__/api/v1/events --retry 5 \\
  -H "Authorization: Bearer __KEY__" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: nightly-import-7" \\
  -d '{"event_name": "import_finished"}'
""",
            "With the same Idempotency-Key within 24 h the first answer comes again and nothing is stored twice. "
            "An id in each record does the same record by record.",
        ),
    ),
)

OPENTELEMETRY = Client(
    "opentelemetry",
    "OpenTelemetry SDK",
    "Traces, metrics and logs by OTLP over HTTP, protobuf or JSON, from an SDK in any language.",
    (
        Part(
            "Environment of the program",
            """
export OTEL_EXPORTER_OTLP_ENDPOINT="__URL__"
export OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"
export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20__KEY__"
export OTEL_EXPORTER_OTLP_COMPRESSION="gzip"
export OTEL_SERVICE_NAME="checkout"
""",
            "Each signal's path (/v1/traces and so on) is added by the SDK. There is no gRPC port: the protocol has to "
            "be http/protobuf or http/json.",
        ),
        Part(
            "Counters of programs that live for seconds",
            """
export OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta"
""",
            "Both temporalities are understood. Cumulative, the default, survives lost requests; delta suits jobs that "
            "end before a second point is sent.",
        ),
    ),
)

COLLECTOR = Client(
    "collector",
    "OpenTelemetry Collector",
    "Everything that a Collector receives, sent on by OTLP over HTTP.",
    (
        Part(
            "Exporter in the Collector's configuration",
            """
exporters:
  otlphttp/telemetry:
    endpoint: __URL__
    compression: gzip
    headers:
      authorization: "Bearer __KEY__"

service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlphttp/telemetry]
    metrics:
      receivers: [otlp]
      exporters: [otlphttp/telemetry]
    logs:
      receivers: [otlp]
      exporters: [otlphttp/telemetry]
""",
        ),
    ),
)

PROMETHEUS = Client(
    "prometheus",
    "Prometheus",
    "Samples, native histograms, exemplars and metadata by remote write; and back: the latest values for a "
    "Prometheus that scrapes them here.",
    (
        Part(
            "remote_write in prometheus.yml",
            """
remote_write:
  - url: __URL__/api/v1/write
    authorization:
      credentials: "__KEY__"
    send_exemplars: true
    send_native_histograms: true
""",
            "Remote write 1.0 and 2.0. Samples older than this project keeps are answered with 400, which makes "
            "Prometheus drop them.",
        ),
        Part(
            "A scrape job that reads the latest values",
            """
scrape_configs:
  - job_name: telemetry
    honor_labels: true
    scheme: __SCHEME__
    metrics_path: /api/v1/prometheus/federate
    params:
      "match[]": ['{__name__=~".+"}']
    authorization:
      credentials: "__KEY__"
    static_configs:
      - targets: ["__HOST__"]
""",
            'This key needs the scope "Read telemetry".',
        ),
    ),
)

CLOUDEVENTS = Client(
    "cloudevents",
    "CloudEvents",
    "CloudEvents 1.0 over HTTP in all three modes. The type becomes the event's name, the data its properties; "
    "source and id together are its identity.",
    (
        Part(
            "Structured",
            """
curl __URL__/api/v1/events \\
  -H "Authorization: Bearer __KEY__" \\
  -H "Content-Type: application/cloudevents+json" \\
  -d '{"specversion": "1.0", "id": "order-1", "source": "/shop", "type": "order.placed", "data": {"amount": 12.5}}'
""",
        ),
        Part(
            "Batch",
            """
curl __URL__/api/v1/events \\
  -H "Authorization: Bearer __KEY__" \\
  -H "Content-Type: application/cloudevents-batch+json" \\
  -d '[{"specversion": "1.0", "id": "order-2", "source": "/shop", "type": "order.placed", "subject": "user:u1"}]'
""",
        ),
        Part(
            "Binary",
            """
curl __URL__/api/v1/events \\
  -H "Authorization: Bearer __KEY__" \\
  -H "Content-Type: application/json" \\
  -H "ce-specversion: 1.0" -H "ce-id: order-3" -H "ce-source: /shop" -H "ce-type: order.placed" \\
  -d '{"amount": 12.5}'
""",
        ),
    ),
)

DJANGO = Client(
    "django",
    "Django",
    "Requests as traces by OpenTelemetry, without a change of the code; events where you want them.",
    (
        Part(
            "Traces of requests",
            """
pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http \\
  opentelemetry-instrumentation-django
export OTEL_EXPORTER_OTLP_ENDPOINT="__URL__"
export OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"
export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20__KEY__"
export OTEL_SERVICE_NAME="shop"
export DJANGO_SETTINGS_MODULE="shop.settings"
opentelemetry-instrument python manage.py runserver --noreload
""",
            "Write your project's settings module in the place of shop.settings; manage.py names it. For queries as "
            "well, install the instrumentation of the database's driver, such as "
            "opentelemetry-instrumentation-psycopg.",
        ),
        Part(
            "An event from a view",
            """
import json
import os
import urllib.request


def send_event(name, **properties):
    request = urllib.request.Request(
        "__URL__/api/v1/events",
        json.dumps({"event_name": name, "properties": properties}).encode(),
        {"Content-Type": "application/json", "X-API-Key": os.environ["TELEMETRY_API_KEY"]},
    )
    urllib.request.urlopen(request, timeout=2).close()


send_event("order_placed", amount=12.5)
""",
            "With TELEMETRY_API_KEY=__KEY__ in the environment. It waits for the answer; a view that sends many events "
            "is better off with Segment's Python library, which sends in the background.",
        ),
    ),
)
