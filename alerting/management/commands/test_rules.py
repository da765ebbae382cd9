from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from alerting.replay.rule_files import FileError, read_file
from alerting.replay.rule_tests import Verdict, run_file


class Command(BaseCommand):
    help = (
        "Test rules against series written down in files, as promtool does. Needs no server and no database. "
        "The exit code is 1 when anything differs or a file can't be read."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        files: list[Path] = options["files"]
        met = differing = broken = 0
        for path in files:
            try:
                verdicts = self._run(path)
            except (FileError, OSError, UnicodeDecodeError) as error:
                broken += 1
                self.stderr.write(f"ERROR {path}: {_reason(error)}")
                continue
            met += sum(verdict.is_met for verdict in verdicts)
            differing += sum(not verdict.is_met for verdict in verdicts)
        self.stdout.write(_summary(len(files), met, differing, broken))
        if differing or broken:
            sys.exit(1)

    def _run(self, path: Path) -> list[Verdict]:
        verdicts = []
        for verdict in run_file(read_file(path.read_text(encoding="utf-8"))):
            verdicts.append(verdict)
            self.stdout.write(_report(path, verdict))
        return verdicts


def _summary(file_count: int, met: int, differing: int, broken: int) -> str:
    differ = f"{differing} {'differs' if differing == 1 else 'differ'}"
    unread = f", {_counted(broken, 'file')} not readable" if broken else ""
    return f"{_counted(file_count, 'file')}: {_counted(met, 'expectation')} met, {differ}{unread}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _report(path: Path, verdict: Verdict) -> str:
    """One expectation: what was wanted and what came."""
    expectation = verdict.expectation
    word = "ok  " if verdict.is_met else "FAIL"
    place = f"{path}:{expectation.line}: {verdict.test.name}: {expectation.rule_name} at {expectation.at}"
    return f"{word} {place}\n     wanted {verdict.wanted_text}\n     came   {verdict.came_text}"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
