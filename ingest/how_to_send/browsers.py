"""Segment's libraries, and web pages that send by themselves."""

from __future__ import annotations

from ingest.how_to_send.base import Client, Part
from projects.models import KeyKind

SEGMENT = Client(
    "segment",
    "Segment libraries",
    "Every library that speaks Segment's tracking API, with this server as its host. A call's messageId makes a retry "
    "harmless; identify and alias tell which ids are one person.",
    (
        Part(
            "analytics.js (web, React)",
            """
import { AnalyticsBrowser } from "@segment/analytics-next";

export const analytics = AnalyticsBrowser.load({
  writeKey: "__KEY__",
  cdnSettings: {
    integrations: {
      "Segment.io": { apiKey: "__KEY__", apiHost: "__HOST__/v1", protocol: "__SCHEME__" },
    },
  },
});

analytics.track("Order placed", { amount: 12.5 });
""",
            "With cdnSettings given, nothing is fetched from Segment. In React, import this object wherever you track.",
        ),
        Part(
            "React Native",
            """
import { createClient } from "@segment/analytics-react-native";

export const analytics = createClient({
  writeKey: "__KEY__",
  proxy: "__URL__/v1/batch",
  defaultSettings: { integrations: { "Segment.io": { apiKey: "__KEY__" } } },
});
""",
        ),
        Part(
            "Python",
            """
import segment.analytics as analytics

analytics.write_key = "__KEY__"
analytics.host = "__URL__"

analytics.track("u1", "Order placed", {"amount": 12.5})
analytics.flush()
""",
            "On a server use a server key.",
        ),
        Part(
            "curl",
            """
curl __URL__/v1/track -u "__KEY__:" \\
  -H "Content-Type: application/json" \\
  -d '{"userId": "u1", "event": "Order placed", "properties": {"amount": 12.5}}'
""",
        ),
    ),
    KeyKind.BROWSER,
)

BROWSER = Client(
    "browser",
    "Browser without a library",
    "A few lines in a page. The key is public, so use a browser key: it only sends, at a rate of its own, from the "
    "origins that you list.",
    (
        Part(
            "fetch",
            """
fetch("__URL__/api/v1/events", {
  method: "POST",
  keepalive: true,
  headers: { "Content-Type": "application/json", "X-API-Key": "__KEY__" },
  body: JSON.stringify({ event_name: "page_view", properties: { path: location.pathname } }),
});
""",
        ),
        Part(
            "sendBeacon, when a page is left",
            """
addEventListener("pagehide", () => {
  const body = { writeKey: "__KEY__", events: [{ event_name: "page_left" }] };
  navigator.sendBeacon("__URL__/api/v1/events", JSON.stringify(body));
});
""",
            "A beacon can't set headers: its key goes into the body as writeKey, or into the URL as ?access_token=.",
        ),
    ),
    KeyKind.BROWSER,
)
