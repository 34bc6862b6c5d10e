"""Files that remember what was asked of them, so that the same answers tell that nothing has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from reglint.project import Answers, Files, Question

_ENTRIES = "entries "


class RecordedFiles(Files):
    """Other files, and every question with its answer."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._answers: Answers = {}

    def is_file(self, path: str) -> bool:
        answer = self._answers["is_file", path] = self._files.is_file(path)
        return answer

    def is_dir(self, path: str) -> bool:
        answer = self._answers["is_dir", path] = self._files.is_dir(path)
        return answer

    def read(self, path: str) -> bytes | None:
        raw = self._files.read(path)
        self._answers["read", path] = None if raw is None else digest(raw)
        return raw

    def entries(self, folder: str) -> list[str]:
        return self.entries_like(folder, ".*")

    def entries_like(self, folder: str, pattern: str) -> list[str]:
        found = self._files.entries_like(folder, pattern)
        self._answers[_ENTRIES + pattern, folder] = _digest_of_names(found)
        return found

    def locate(self, filename: str) -> str:
        return self._files.locate(filename)

    @contextmanager
    def asked(self) -> Iterator[Answers]:
        before, self._answers = self._answers, {}
        try:
            yield self._answers
        finally:
            self._answers = before

    def note(self, answers: Answers) -> None:
        self._answers.update(answers)


def answer(files: Files, question: Question) -> bool | str | None:
    """What the files answer to a question now."""
    kind, path = question
    if kind == "is_file":
        return files.is_file(path)
    if kind == "is_dir":
        return files.is_dir(path)
    if kind.startswith(_ENTRIES):
        return _digest_of_names(files.entries_like(path, kind.removeprefix(_ENTRIES)))
    raw = files.read(path)
    return None if raw is None else digest(raw)


def digest(raw: bytes) -> str:
    """What stands for some bytes."""
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def _digest_of_names(names: list[str]) -> str:
    return digest("\0".join(names).encode("utf-8", "surrogatepass"))
