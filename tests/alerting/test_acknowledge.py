"""The page behind the signed link of a message."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from alerting import actions, links
from alerting.links import AcknowledgeLink
from alerting.models import Alert, Rule, Status
from tests.alerting.delivery_rows import make_alert, make_project, resolve

pytestmark = pytest.mark.django_db

ANA = "ana@example.com"


class Forms(HTMLParser):
    """The forms of a page as a browser without scripts sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.methods: list[str | None] = []
        self.hidden: dict[str, str] = {}
        self.buttons: list[dict[str, str | None]] = []
        self.resources: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.methods.append(given.get("method"))
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[str(given["name"])] = given["value"] or ""
        if tag == "button":
            self.buttons.append(given)
        if tag in {"script", "img", "iframe", "link"}:
            self.resources.append(given.get("src") or given.get("href") or tag)


@pytest.fixture
def alert() -> Alert:
    return make_alert(make_project("Shop"), pending_since=timezone.now(), triggered_at=timezone.now())


@pytest.fixture
def browser() -> Client:
    """Without any cookie, and as strict about forgery as in production."""
    return Client(enforce_csrf_checks=True)


def link_to(alert: Alert, **changes: Any) -> str:
    values: dict[str, Any] = {
        "alert_id": alert.pk,
        "episode": alert.triggered_at,
        "channel_id": None,
        "recipient": ANA,
        "expires_at": timezone.now() + links.LIFETIME,
    }
    return f"/acknowledge/{links.sign(AcknowledgeLink(**(values | changes)))}/"


def confirm(browser: Client, url: str, **fields: str) -> Any:
    return browser.post(url, Forms(browser.get(url).content.decode()).hidden | fields)


def status_of(alert: Alert) -> str:
    alert.refresh_from_db()
    return alert.status


def test_the_page_says_what_is_wrong_and_has_one_plain_form(alert: Alert, browser: Client) -> None:
    response = browser.get(link_to(alert))
    html = response.content.decode()
    assert response.status_code == 200
    for fact in (
        "Shop",
        "High Error Rate",
        "host_name",
        "web-1",
        "Error",
        "threshold &gt;= 5",
        "UTC",
        "firing for",
    ):
        assert fact in html
    forms = Forms(html)
    assert forms.methods == ["post"]
    assert list(forms.hidden) == ["token"]
    assert all("name" not in button and "value" not in button for button in forms.buttons)


@pytest.mark.parametrize(("no_data", "stays"), [("keep", True), ("ok", False)])
def test_who_took_an_alert_reads_that_it_stays_without_data(
    alert: Alert, browser: Client, no_data: str, stays: bool
) -> None:
    condition = {"metric": "cpu_usage", "operator": ">", "threshold": 80}
    metric = {"rule_type": "metric_threshold", "source_type": "system_metric", "condition_config": condition}
    Rule.objects.filter(pk=alert.rule_id).update(**metric, no_data=no_data)
    page = confirm(browser, link_to(alert)).content.decode()
    assert "Reminders have stopped" in page
    assert ("while there is no data it stays" in page) == stays


def test_the_page_asks_nobody_else_for_anything_and_stays_out_of_caches(
    alert: Alert, browser: Client
) -> None:
    response = browser.get(link_to(alert))
    assert Forms(response.content.decode()).resources == ["data:,"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert not response.cookies


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_link_changes_nothing_however_often(alert: Alert, browser: Client, method: str) -> None:
    for _ in range(3):
        assert getattr(browser, method)(link_to(alert)).status_code == 200
    assert status_of(alert) == Status.FIRING
    assert not alert.transitions.exists()


def test_sending_the_form_acknowledges_in_the_name_of_the_recipient(alert: Alert, browser: Client) -> None:
    response = confirm(browser, link_to(alert), note="looking\ninto it\x00")
    assert response.status_code == 200
    assert f"Acknowledged by link to {ANA}" in response.content.decode()
    assert Forms(response.content.decode()).methods == []
    assert status_of(alert) == Status.ACKNOWLEDGED
    assert alert.acknowledged_by == f"link to {ANA}"
    transition = alert.transitions.get()
    assert (transition.actor, transition.reason) == (f"link to {ANA}", "looking into it")


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": "x"}, {"note": "hello"}])
def test_a_robot_that_posts_without_the_form_acknowledges_nothing(
    alert: Alert, browser: Client, body: dict[str, str]
) -> None:
    assert browser.post(link_to(alert), body).status_code == 403
    assert status_of(alert) == Status.FIRING


def test_a_link_that_lost_its_last_slash_works_all_the_same(alert: Alert, browser: Client) -> None:
    url = link_to(alert).removesuffix("/")
    assert browser.get(url).status_code == 200
    assert confirm(browser, url).status_code == 200
    assert status_of(alert) == Status.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="token"'),
        ("application/x-www-form-urlencoded; charset=latin-1", b"token=x"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % number for number in range(1100))),
    ],
)
def test_a_form_that_can_not_be_read_is_refused_and_its_address_kept_secret(
    alert: Alert, browser: Client, content_type: str, body: bytes
) -> None:
    response = browser.generic("POST", link_to(alert), body, content_type=content_type)
    assert response.status_code in {400, 403}
    assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert status_of(alert) == Status.FIRING


def test_every_answer_below_the_path_keeps_its_address_secret(alert: Alert, browser: Client) -> None:
    url = link_to(alert)
    ends = ("/", "more", "%0Amore", "more/")
    for mangled in (*(url + end for end in ends), f"{url[:-1]}%0A", "/acknowledge/", "/acknowledge//"):
        for response in (browser.get(mangled), browser.post(mangled, {"token": ""})):
            assert response.status_code == 403
            assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert browser.put(url)["Referrer-Policy"] == "no-referrer"
    assert status_of(alert) == Status.FIRING


def test_a_second_reader_is_told_who_was_faster(alert: Alert, browser: Client) -> None:
    confirm(browser, link_to(alert))
    bobs = link_to(alert, recipient="bob@example.com")
    page = browser.get(bobs)
    assert page.status_code == 200
    assert f"Acknowledged by link to {ANA}" in page.content.decode()
    assert Forms(page.content.decode()).methods == []


def test_two_who_send_the_form_at_once_leave_one_acknowledgement(alert: Alert, browser: Client) -> None:
    bobs = link_to(alert, recipient="bob@example.com")
    fields = Forms(browser.get(bobs).content.decode()).hidden
    confirm(browser, link_to(alert))
    response = browser.post(bobs, fields)
    assert response.status_code == 200
    assert f"Acknowledged by link to {ANA}" in response.content.decode()
    assert alert.transitions.count() == 1


def test_a_resolved_alert_says_by_whom_and_when(alert: Alert, browser: Client) -> None:
    # One link: two made in different seconds differ in their expiry.
    link = link_to(alert)
    fields = Forms(browser.get(link).content.decode()).hidden
    resolve(alert, datetime.fromisoformat("2026-11-22T03:04:05+00:00"))
    for response in (browser.get(link), browser.post(link, fields)):
        html = response.content.decode()
        assert "Resolved by rule tick" in html
        assert "22 Nov 2026, 03:04:05 UTC" in html
        assert Forms(html).methods == []


def test_an_alert_resolved_by_hand_names_the_person_and_the_note(alert: Alert, browser: Client) -> None:
    actions.resolve(alert.pk, actor="ana", note="rolled back", now=timezone.now())
    html = browser.get(link_to(alert)).content.decode()
    assert "Resolved by ana" in html
    assert "rolled back" in html


def _tampered(url: str) -> list[str]:
    token = url.split("/")[2]
    payload, time, signature = token.split(":")
    flipped = "A" if signature[5] != "A" else "B"
    return [
        f"{payload}:{time}:{signature[:5]}{flipped}{signature[6:]}",
        f"{payload[:-2]}AA:{time}:{signature}",
        f"{payload}:{signature}",
        f"{payload}:{time}:",
        token[:-3],
        "x",
        "::",
        "é",
        signing.dumps([1, 2, 3]),
        signing.dumps([1, 2, 3], salt="another"),
    ]


def test_forged_and_tampered_links_are_refused(alert: Alert, browser: Client) -> None:
    for token in _tampered(link_to(alert)):
        url = f"/acknowledge/{token}/"
        for response in (browser.get(url), browser.post(url, {"token": token})):
            assert response.status_code == 403
            assert response["Cache-Control"] == "no-store"
            assert "High Error Rate" not in response.content.decode()
    assert status_of(alert) == Status.FIRING


def test_a_token_for_another_purpose_does_not_acknowledge(alert: Alert, browser: Client) -> None:
    assert browser.get(link_to(alert, purpose="silence")).status_code == 403


def test_an_expired_link_says_so_and_acknowledges_nothing(alert: Alert, browser: Client) -> None:
    url = link_to(alert, expires_at=timezone.now() - timedelta(seconds=2))
    token = url.split("/")[2]
    assert browser.get(url).status_code == 410
    assert browser.post(url, {"token": token}).status_code == 410
    assert status_of(alert) == Status.FIRING


def test_a_link_of_an_earlier_episode_has_ended(alert: Alert, browser: Client) -> None:
    url = link_to(alert, episode=alert.pending_since - timedelta(days=1))
    assert browser.get(url).status_code == 410


def test_an_alert_that_is_no_longer_kept_is_not_found(alert: Alert, browser: Client) -> None:
    url = link_to(alert)
    fields = Forms(browser.get(url).content.decode()).hidden
    alert.delete()
    assert browser.get(url).status_code == 404
    assert browser.post(url, fields).status_code == 404


def test_other_methods_are_refused(alert: Alert, browser: Client) -> None:
    for method in ("put", "patch", "delete", "options"):
        assert getattr(browser, method)(link_to(alert)).status_code == 405


def test_text_from_telemetry_is_text(browser: Client) -> None:
    hostile = '"><script>alert(1)</script>\u202e'
    alert = make_alert(make_project(hostile), rule_name=hostile, labels={hostile: hostile})
    html = browser.get(link_to(alert)).content.decode()
    assert "<script" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


def test_links_live_seven_days_and_know_their_episode_to_the_microsecond(alert: Alert) -> None:
    link = AcknowledgeLink(
        alert_id=alert.pk,
        episode=alert.triggered_at,
        channel_id=7,
        recipient="Ops Ünit",
        expires_at=timezone.now().replace(microsecond=0) + links.LIFETIME,
    )
    assert timedelta(days=7) == links.LIFETIME
    token = links.sign(link)
    assert re.fullmatch(r"[\w.:-]+", token)
    assert links.verify(token, timezone.now()) == link
    assert links.verify(token, link.expires_at - timedelta(seconds=1)) == link
    with pytest.raises(links.ExpiredLinkError):
        links.verify(token, link.expires_at)


def test_links_signed_under_a_former_key_still_work(alert: Alert, browser: Client, settings: Any) -> None:
    url = link_to(alert)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    assert browser.get(url).status_code == 403
    settings.SECRET_KEY_FALLBACKS = [former]
    assert browser.get(url).status_code == 200
