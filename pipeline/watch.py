"""Notices that a configuration, or something it was made from, has changed on disk."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import Config

_Mark = tuple[tuple[str, int, int, int], ...]


class Watch:
    """The files of one configuration, as they were when it was read."""

    def __init__(self, config: Config) -> None:
        self._files = {config.file, config.file.parent / ".env", *config.secret_files}
        if config.ca_bundle:
            self._files.add(Path(config.ca_bundle))
        self._folder = Path(config.mappings)
        self._seen = self._last = self._mark()

    def changed(self) -> bool:
        """Whether the files differ from what was seen, and have stood still since the last look: nobody reads half a file."""
        mark = self._mark()
        settled, self._last = mark == self._last, mark
        return settled and mark != self._seen

    def seen(self) -> None:
        """The files as they are now are known; `changed` is about the next change."""
        self._seen = self._last = self._mark()

    def _mark(self) -> _Mark:
        found = []
        for file in sorted({*self._files, *self._folder.glob("*.yaml")}):
            try:
                stat = file.stat()
            except OSError:
                continue
            found.append((str(file), stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)
