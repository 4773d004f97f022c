"""The README's five-minute example, as it stands there, against a real daemon."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
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


def test_its_links_work_wherever_it_is_shown() -> None:
    targets = re.findall(r"\]\(([^)]*)\)", README.read_text("utf-8"))
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


def test_it_names_all_that_the_package_depends_on() -> None:
    text = README.read_text("utf-8")
    requirements = metadata.requires("keyside") or []
    names = [re.split(r"[^\w-]", each)[0] for each in requirements if "extra ==" not in each or "opentelemetry" in each]
    assert len(names) >= 5
    assert [name for name in names if f"`{name}`" not in text] == []


def first_example() -> tuple[str, str]:
    found = re.search(r"```python\n# first\.py\n(.*?)```.*?```text\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found is not None, "the README has no first.py and what it prints"
    return found[1], found[2]
