"""Generates the messages of ``keyside.v1`` when a wheel is built, an editable one included, and carries their protos in the sdist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WARNING = "# Generated from proto/keyside/v1 by hatch_build.py when the package is built."


class GeneratedMessages(BuildHookInterface):  # type: ignore[type-arg]
    """Found by hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Called before each build; `version` is the kind of the target, such as `standard` or `editable`."""
        root = Path(self.root)
        protos = _protos(root)
        if self.target_name == "sdist":
            build_data["force_include"][str(protos / "keyside")] = "proto/keyside"
            return
        _generate(protos, root / "src")
        build_data["artifacts"].append("src/keyside/v1/*")


def _protos(root: Path) -> Path:
    """In an sdist they lie within the package, in the repository beside all clients."""
    for folder in (root / "proto", root.parent.parent / "proto"):
        if (folder / "keyside" / "v1" / "crypto.proto").is_file():
            return folder
    raise FileNotFoundError("the protos of keyside.v1 are neither in ./proto nor in ../../proto")


def _generate(protos: Path, target: Path) -> None:
    # Needed to build only.
    import google.rpc
    from grpc_tools import protoc

    includes = [protos, Path(protoc.__file__).parent / "_proto", Path(next(iter(google.rpc.__path__))).parents[1]]
    files = sorted(str(file.relative_to(protos)) for file in protos.glob("keyside/v1/*.proto"))
    folder = target / "keyside" / "v1"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(f'{_WARNING}\n"""Messages of the protocol; the client is in `keyside`."""\n')
    arguments = [*(f"-I{include}" for include in includes), f"--python_out={target}", f"--pyi_out={target}", *files]
    if protoc.main(["protoc", *arguments]) != 0:
        raise RuntimeError("protoc failed; what it says stands above")
