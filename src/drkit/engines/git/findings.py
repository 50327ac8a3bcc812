"""What a capture will need, looked at before anything is at stake. It reads no history."""

from collections.abc import Iterator
from pathlib import Path

from drkit.engines.git.capture import advice
from drkit.engines.git.options import GitOptions
from drkit.engines.git.origin import Origin, Remote
from drkit.engines.git.program import find_version
from drkit.engines.git.refs import read_refs
from drkit.engines.git.source import Repository, open_repository, reach, workplace
from drkit.errors import CaptureError
from drkit.model import Finding
from drkit.streams.process import family


def look_ahead(origin: Origin, options: GitOptions) -> Iterator[Finding]:
    try:
        version = find_version()
        yield Finding("git", True, f"git {version[0]}.{version[1]} is here")
        if isinstance(origin, Remote):
            with workplace(options.spool) as folder:
                reach(origin, folder)
            yield Finding("repository", True, f"{origin} answers; it is cloned anew for each capture")
        else:
            yield from _look(origin, options)
    except CaptureError as error:
        yield Finding("repository", False, str(error), error.hint)


def _look(path: Path, options: GitOptions) -> Iterator[Finding]:
    with workplace(options.spool) as folder, family() as children:
        repository = open_repository(path, children, folder)
        refs = read_refs(repository.git)
        yield Finding("repository", True, f"{path} can be read: {refs.count} refs")
        if _uses_lfs(repository):
            yield Finding("git lfs", True, f"its files are NOT in the bundles: {advice(repository.lfs)}")
        if others := repository.work_trees:
            yield Finding("work trees", True, f"{others} are linked to it: what only they hold is not captured")


def _uses_lfs(repository: Repository) -> bool:
    attributes = repository.git.ask("cat-file", "blob", "HEAD:.gitattributes").out
    return b"filter=lfs" in attributes or repository.lfs.is_dir()
