"""How contenders are spelled: drkit's own command, a shell's pipe, and what is cleared away after a run."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

DRKIT = str(Path(sys.executable).with_name("drkit"))


def shell(script: str) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", script]


def cleared(*paths: Path) -> Callable[[], None]:
    def clear() -> None:
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    return clear


def drkit(config: Path, *arguments: str) -> list[str]:
    return [DRKIT, "--config", str(config), *arguments]
