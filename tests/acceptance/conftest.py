"""One platform, started as an operator would, with a Slack receiver and an SMTP server beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from benchmarks.debian import ProgramMissingError, find_program
from tests.alerting.receivers import Mailbox, smtp_server
from tests.pgbouncer import fresh_database, pgbouncer
from tests.platform.running import RunningPlatform

KEY = "acceptance-key-" + "k" * 32
ADMIN_PASSWORD = "only for this test run"


@dataclass
class World:
    """The platform and everybody around it."""

    platform: RunningPlatform
    slack: HTTPServer
    mailbox: Mailbox

    def post(self, path: str, body: Any) -> Any:
        answer = self.platform.request(path, body, key=KEY)
        assert answer.status in (200, 201, 202), (path, answer)
        return answer.body

    def get(self, path: str) -> Any:
        answer = self.platform.request(path, key=KEY)
        assert answer.status == 200, (path, answer)
        return answer.body

    def slack_messages(self, word: str) -> list[Any]:
        """Bodies that Slack's door received and that speak of `word`."""
        bodies = [request.get_json() for request, _ in self.slack.log]
        return [body for body in bodies if word in str(body)]

    def mails(self, word: str) -> list[str]:
        """Plain texts of mails that speak of `word`."""
        texts = []
        for _, _, mail in list(self.mailbox.mails):
            part = mail.get_body(("plain",))
            assert part is not None
            text = f"{mail['subject']}\n{part.get_content()}"
            if word in text:
                texts.append(text)
        return texts


# The same scenes behind a transaction pooler; another group, so that both kinds run beside each other.
BEHIND_PGBOUNCER = pytest.param("behind_pgbouncer", marks=pytest.mark.xdist_group("pgbouncer"))


# It ends with this folder's tests: even idle, a platform that ticks each second takes an eighth of a core, which the
# rest of the suite would go without.
@pytest.fixture(scope="package", params=["embedded", BEHIND_PGBOUNCER])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory(prefix="telemetry-acceptance-") as folder,
        smtp_server() as mailbox,
        HTTPServer(host="127.0.0.1") as slack,
        ExitStack() as stack,
    ):
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL's account passes through
        slack.expect_request("/slack").respond_with_data("ok")
        platform = RunningPlatform(
            home,
            TELEMETRY_OUTBOUND_ALLOW="127.0.0.1",
            EMAIL_URL=mailbox.url,
            TELEMETRY_API_KEY=KEY,
            ADMIN_PASSWORD=ADMIN_PASSWORD,
            TELEMETRY_TICK_SECONDS="1",
            **(pooled_database(stack, home) if request.param == "behind_pgbouncer" else {}),
        )
        try:
            platform.start()
            yield World(platform, slack, mailbox)
        finally:
            platform.terminate()


def pooled_database(stack: ExitStack, folder: Path) -> dict[str, str]:
    """A database of the test run's server by way of PgBouncer, as variables of the platform."""
    try:
        program = find_program("pgbouncer", folder)
    except ProgramMissingError as error:
        pytest.skip(str(error))
    urls = stack.enter_context(pgbouncer(program, stack.enter_context(fresh_database()), folder))
    return {"DATABASE_URL": urls.pooled, "DATABASE_DIRECT_URL": urls.direct}
