"""Which pages there are, and who draws each."""

from collections.abc import Callable, Mapping
from pathlib import Path

from reference.codes import draw_codes
from reference.commands import draw_commands
from reference.configuration import draw_configuration
from reference.documents import draw_documents

FOLDER = Path(__file__).parents[2] / "docs/reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": draw_commands,
    "config.md": draw_configuration,
    "exit-codes.md": draw_codes,
    "json.md": draw_documents,
}
