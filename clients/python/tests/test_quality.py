"""The package's own gates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("arguments", [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]], ids=" ".join)
def test_is_clean(arguments: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_no_file_is_long() -> None:
    files = [file for folder in ("src/keyside", "tests", "examples") for file in (ROOT / folder).glob("*.py")]
    assert len(files) > 20
    assert [str(file) for file in files if len(file.read_text("utf-8").splitlines()) > 400] == []
