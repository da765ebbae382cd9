"""Services behind apprise: what may be used, that nothing passes the guard, what an answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting.channels import ConfigError, TransportError, kind
from alerting.channels.apprise import guard, services
from alerting.channels.apprise.transport import harmless
from alerting.messages import Message
from alerting.models import Purpose
from tests.alerting.channels.messages import a_test, firing, resolved

TOKEN = "AAaAaAAaAaaaAa_"
ADDRESSES = {
    "workflows": "workflows://prod.logic.azure.com/643e69f2bc3046f3/sesame-sesame",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "tgram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "opsgenie": "opsgenie://01234567-89ab-cdef-0123-456789abcdef",
    "jira": "jira://01234567-89ab-cdef-0123-456789abcdef",
    "ntfys": "ntfys://ntfy.example.com/alerts",
    "mmosts": "mmosts://mm.example.com/3ccdd113474722377935511fc85d3dd4",
    "rockets": "rockets://webhook/token@rocket.example.com/#general",
    "gchat": "gchat://AAAAAAAA/AIzaSy/abc",
    "gotifys": f"gotifys://gotify.example.com/{TOKEN}",
    "pover": f"pover://{'u' * 30}@{'b' * 30}",
    "zulip": f"zulip://botname@org/{'a' * 32}/stream",
    "wxteams": f"wxteams://{'a' * 80}",
    "victorops": "victorops://route@12345678-1234-1234-1234-123456789012",
    "pagertree": "pagertree://int_aaaaaaaaaaa",
    "squadcast": "squadcast://aaaaaaaa",
    "spike": f"spike://{'a' * 32}",
    "signl4": "signl4://secret",
}


def gotify(server: HTTPServer) -> dict[str, Any]:
    return kind("apprise").parse_config({"url": f"gotifys://localhost:{server.port}/{TOKEN}"})


def send(server: HTTPServer, message: Message) -> Any:
    """The body that arrived."""
    kind("apprise").send(gotify(server), message)
    return server.log[-1][0].get_json()


def test_every_service_of_the_list_has_an_address_that_works() -> None:
    assert set(ADDRESSES) == set(services.SERVICES)
    for name, url in ADDRESSES.items():
        assert kind("apprise").parse_config({"url": url}) == {"url": url, "service": name}


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord"),
        (
            "https://prod-1.westus.logic.azure.com:443/workflows/643e69f2bc3046f3/triggers/manual/paths/invoke"
            "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=iXlMXGVhcx0yfhbx",
            "workflows",
        ),
    ],
)
def test_the_address_that_a_service_hands_out_works_too(url: str, service: str) -> None:
    assert kind("apprise").parse_config({"url": url})["service"] == service


@pytest.mark.parametrize(
    "url",
    [
        "",
        "discord",
        "discord://",
        "mailto://ana:word@example.com",
        "json://example.com/",
        "jsons://example.com/",
        "gotify://example.com/AAaAaAAaAaaaAa_",
        "syslog://",
        "file:///etc/passwd",
        "https://example.com/hook",
        "ntfys://example.com/topic?verify=no",
        "ntfys://example.com/topic?attach=http://169.254.169.254/",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?template=/etc/passwd",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?:a=b",
        "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?template=/etc/passwd",
        "ntfys://example.com/" + "a" * 2000,
        "https://[::1/x",
        "discord://[x/y",
        "ntfys://example.com:99999999/topic",
        "gotifys://example.com:0/AAaAaAAaAaaaAa_",
    ],
)
def test_any_other_service_or_option_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as error:
        kind("apprise").parse_config({"url": url})
    assert set(error.value.errors) == {"url"}
    assert "JHMHI8qBe7bk" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456789:abcdefg_hijklmnop/12315544/555",
        "ntfys://ntfy.example.com/alerts?to=more",
        "mmosts://mm.example.com/3ccdd113474722377935511fc85d3dd4?channel=a,b",
    ],
)
def test_an_address_of_several_targets_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="one channel for each"):
        kind("apprise").parse_config({"url": url})


def test_a_message_arrives_with_its_facts(secure_server: HTTPServer) -> None:
    secure_server.expect_request("/message").respond_with_json({"id": 1})
    body = send(secure_server, firing())
    assert body["title"] == '[Shop] Firing: High CPU on "web"'
    for part in (
        "Value 93.5 (threshold > 80)",
        "host_name = web-1",
        "https://telemetry.example/acknowledge/",
    ):
        assert part in body["message"]
    assert "Resolved" in send(secure_server, resolved())["title"]
    assert "Test message" in send(secure_server, a_test())["title"]


def test_several_alerts_are_listed(secure_server: HTTPServer) -> None:
    secure_server.expect_request("/message").respond_with_json({"id": 1})
    (part,) = firing().alerts
    body = send(secure_server, firing(alerts=(part, part), left_out_alert_count=3))
    assert body["message"].count("Firing: High CPU on") == 2
    assert "+ 3 more alerts" in body["message"]


def test_text_from_telemetry_mentions_nobody_and_hides_no_link(secure_server: HTTPServer) -> None:
    secure_server.expect_request("/message").respond_with_json({"id": 1})
    hostile = "@everyone <!here> [click](https://evil.example)"
    body = json.dumps(send(secure_server, firing(labels=(("name", hostile),))), ensure_ascii=False)
    assert "@everyone" not in body
    assert "<!here>" not in body
    assert "](" not in body
    assert harmless("plain text: 5 > 4") == "plain text: 5 > 4"


@pytest.mark.parametrize(
    ("status", "permanent", "retry_after"),
    [(401, True, None), (404, True, None), (429, False, 9.0), (500, False, 9.0), (302, True, None)],
)
def test_what_an_answer_means(
    secure_server: HTTPServer, status: int, permanent: bool, retry_after: float | None
) -> None:
    headers = {"Retry-After": "9", "Location": secure_server.url_for("/elsewhere")}
    secure_server.expect_request("/message").respond_with_data(TOKEN, status=status, headers=headers)
    with pytest.raises(TransportError) as error:
        send(secure_server, firing())
    assert (error.value.permanent, error.value.retry_after_seconds) == (permanent, retry_after)
    assert error.value.reason.startswith(f"Gotify answered {status}")
    assert TOKEN not in error.value.reason
    assert len(secure_server.log) == 1


def test_an_address_inside_is_refused_after_resolving(secure_server: HTTPServer, settings: Settings) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ()
    with pytest.raises(TransportError, match="TELEMETRY_OUTBOUND_ALLOW") as error:
        send(secure_server, firing())
    assert error.value.permanent
    assert secure_server.log == []


def test_a_certificate_nobody_vouches_for_is_not_believed(
    secure_server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(TransportError, match="certificate"):
        send(secure_server, firing())


def test_all_requests_of_a_message_share_one_time_limit(secure_server: HTTPServer) -> None:
    with guard.conversation(timeout_seconds=0) as talk, pytest.raises(requests.ConnectionError):
        guard.GuardedRequests().get(secure_server.url_for("/message"))
    assert len(talk.exchanges) == 1
    assert secure_server.log == []


def test_plugins_reach_nothing_of_requests_but_its_guarded_calls(httpserver: HTTPServer) -> None:
    guarded = guard.GuardedRequests()
    assert guarded.codes.ok == 200
    assert guarded.RequestException is requests.RequestException
    for name in ("Session", "session", "request", "api", "adapters", "sessions"):
        with pytest.raises(AttributeError):
            getattr(guarded, name)
    with guard.conversation(5), pytest.raises(requests.ConnectionError, match="https"):
        guarded.post(httpserver.url_for("/plain"))
    with pytest.raises(LookupError):
        guarded.get("https://localhost/")


def test_every_plugin_of_the_list_sends_through_the_guard() -> None:
    for name, url in ADDRESSES.items():
        plugin = services.make_plugin(name, url)
        module = __import__(type(plugin).__module__, fromlist=["requests"])
        assert isinstance(module.requests, guard.GuardedRequests)


def test_a_message_that_a_service_has_no_words_for_is_given_up_and_harms_no_channel() -> None:
    config = kind("apprise").parse_config({"url": ADDRESSES["opsgenie"]})
    with pytest.raises(TransportError, match="Opsgenie has no message") as error:
        kind("apprise").send(config, resolved())
    assert (error.value.permanent, error.value.scope) == (True, "message")


def test_what_a_plugin_keeps_closes_what_it_opened(
    settings: Settings, secure_server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import opsgenie

    address = secure_server.url_for("/v2/alerts")
    monkeypatch.setitem(opsgenie.OPSGENIE_API_LOOKUP, opsgenie.OpsgenieRegion.US, address)
    secure_server.expect_request("/v2/alerts").respond_with_json({"requestId": "r-1"}, status=202)
    secure_server.expect_request("/v2/alerts/r-1/close").respond_with_json({"requestId": "r-2"}, status=202)
    config = kind("apprise").parse_config({"url": ADDRESSES["opsgenie"]})
    reference = kind("apprise").send(config, firing(purpose=Purpose.FIRING))
    assert json.loads(json.dumps(reference)) == reference
    kind("apprise").send(config, resolved(), reference)
    assert [request.path for request, _ in secure_server.log] == ["/v2/alerts", "/v2/alerts/r-1/close"]


def test_nothing_that_apprise_logs_holds_the_token(
    secure_server: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secure_server.expect_request("/message").respond_with_data("no", status=500)
    with pytest.raises(TransportError):
        send(secure_server, firing())
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert TOKEN not in " ".join(ours)
