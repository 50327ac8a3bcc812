"""A point as it lies in a store: its pieces by name, and what they say of themselves.

It must not know what anybody makes of them.
"""

from collections.abc import Generator

from drkit.engines.postgres.archive import open_archive, table_rows
from drkit.engines.postgres.archive_head import Contents as Outline
from drkit.engines.postgres.contents import DUMP, Contents, Name, parse_contents, table_of
from drkit.engines.postgres.contents import PIECE as CONTENTS
from drkit.engines.postgres.names import codec_of
from drkit.engines.postgres.steps import PIECE as STEPS
from drkit.engines.postgres.steps import Steps, parse_steps
from drkit.errors import IntegrityError
from drkit.model import Manifest, Piece
from drkit.ports import Chunks, Load


class StoredPoint:
    def __init__(self, manifest: Manifest, load: Load) -> None:
        self._pieces = {piece.name: piece for piece in manifest.pieces}
        self.load = load
        self.contents: Contents = parse_contents(b"".join(load(self.piece(CONTENTS))))

    def piece(self, name: str) -> Piece:
        if name not in self._pieces:
            raise IntegrityError(f"the manifest names no piece {name!r}", "restore another point")
        return self._pieces[name]

    def read_steps(self) -> Steps:
        return parse_steps(b"".join(self.load(self.piece(STEPS))))

    def read_outline(self) -> tuple[Outline, bytes]:
        """The dump's table of contents, parsed and as it is; its rows are not waited for."""
        chunks = self.load(self.piece(DUMP))
        head, outline, _ = open_archive(chunks, codec_of(self.contents.encoding))
        if isinstance(chunks, Generator):
            chunks.close()
        return head, outline

    def rows(self, table: Name) -> Chunks:
        """The COPY text of a table, as it was captured."""
        segments = table_of(self.contents, table).segments
        if segments[0].piece == DUMP:
            yield from table_rows(self.load(self.piece(DUMP)), table, codec_of(self.contents.encoding))
            return
        for segment in segments:
            yield from self.load(self.piece(segment.piece))
