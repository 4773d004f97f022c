"""The README's five-minute example, as it stands there, against a real daemon."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_first_example_runs(interop_address: str, tmp_path: Path) -> None:
    program, printed = first_example()
    (tmp_path / "first.py").write_text(program, "utf-8")
    ended = subprocess.run([sys.executable, "first.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, printed), ended.stderr


def test_the_examples_are_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 8
    for block in blocks:
        compile(block, "README.md", "exec", flags=0x2000)  # awaits stand at the top, too


def first_example() -> tuple[str, str]:
    found = re.search(r"```python\n# first\.py\n(.*?)```.*?```text\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found is not None, "the README has no first.py and what it prints"
    return found[1], found[2]
