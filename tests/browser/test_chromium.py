"""Which Chromium the browser tests take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import find_chromium


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only folder in which programs are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM_PATH", raising=False)
    find_chromium.cache_clear()
    yield tmp_path
    find_chromium.cache_clear()


def program(path: Path, exit_status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {exit_status}\n")
    path.chmod(0o755)
    return path


def test_the_headless_shell_is_taken_before_a_chromium_with_windows(programs: Path) -> None:
    program(programs / "chromium")
    shell = program(programs / "chromium-headless-shell")
    assert find_chromium() == shell


def test_a_headless_shell_that_does_not_start_gives_way_to_a_chromium_with_windows(programs: Path) -> None:
    program(programs / "chromium-headless-shell", exit_status=1)
    chromium = program(programs / "chromium")
    assert find_chromium() == chromium


def test_playwright_s_own_headless_shell_is_found(programs: Path) -> None:
    program(programs / "chromium-1200/chrome-linux/chrome")
    shell = program(programs / "chromium_headless_shell-1200/chrome-linux/headless_shell")
    assert find_chromium() == shell
