"""Which document is judged when: a pause after the last key, newest text first, and no answer for an older text."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from reglint.server.analysis import Question, Verdict, Wish
from reglint.server.documents import Document, Documents, Part
from reglint.server.worker import Died, Failed, Interrupted, Worker

PAUSE = 0.2
"""Seconds without a key before what was typed is judged."""
PATIENCE = 1.0
"""Seconds that a process may still work on a text which is no longer the newest."""
LIMIT = 120.0
"""Seconds after which a document is given up."""


@dataclass(frozen=True)
class Result:
    """A verdict, and the texts that it speaks about. Without a verdict ``failure`` says why in one line."""

    uri: str
    path: str
    revision: int
    parts: tuple[Part, ...]
    verdict: Verdict | None
    failure: str = ""


class Checks:
    """Judges open documents one after the other; ``publish`` gets every result that is still about the newest text."""

    def __init__(
        self, documents: Documents, worker: Worker, publish: Callable[[Result], None], log: Callable[[str], None]
    ) -> None:
        self._documents = documents
        self._worker = worker
        self._publish = publish
        self._log = log
        self._due: dict[str, float] = {}
        self._results: dict[str, Result] = {}
        self._waiting: dict[str, list[asyncio.Future[Result | None]]] = {}
        self._changed = asyncio.Event()
        # One thread, so that questions queue up by themselves; it only waits for the process.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reglint")

    def soon(self, uri: str, pause: float = PAUSE) -> None:
        """Judge a document after a pause, which starts anew with every call."""
        self._due[uri] = asyncio.get_running_loop().time() + pause
        self._changed.set()

    def soon_all(self, pause: float = PAUSE) -> None:
        """Judge every open document again."""
        for document in self._documents:
            self._results.pop(document.uri, None)
            self.soon(document.uri, pause)

    def soon_dependents(self, path: str, pause: float = PAUSE) -> None:
        """Judge again the documents for which the file at ``path`` was looked at."""
        for uri, result in list(self._results.items()):
            if result.path != path and result.verdict is not None and path in result.verdict.looked_at:
                self._results.pop(uri)
                self.soon(uri, pause)

    def forget(self, uri: str) -> None:
        """Drop a document that was closed."""
        self._due.pop(uri, None)
        self._results.pop(uri, None)
        self._answer_waiting(uri, None)

    def known(self, uri: str) -> Result | None:
        """Return the newest result, which may be about an older text."""
        return self._results.get(uri)

    async def fresh(self, uri: str) -> Result | None:
        """Return the result about the newest text, None when the document is closed; does not wait for the pause."""
        document, result = self._documents.get(uri), self._results.get(uri)
        if document is None or (result is not None and result.revision == document.revision):
            return result
        future: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(uri, []).append(future)
        self.soon(uri, 0)
        return await future

    async def change(self, result: Result, wishes: list[Wish]) -> list[list[str] | None]:
        """Return for each wish what the texts of a document would become, None where nothing can be done."""
        document = self._documents.get(result.uri)
        if document is None or document.revision != result.revision:
            return [None] * len(wishes)
        question = self._question(document)
        loop = asyncio.get_running_loop()
        for _ in range(2):
            try:
                return await loop.run_in_executor(self._thread, self._worker.change, question, wishes)
            except Interrupted:  # somebody typed elsewhere, or a settings file has changed: once more
                continue
            except (Died, Failed) as error:
                self._log(f"{document.path}: no fix could be worked out: {error}")
                break
        return [None] * len(wishes)

    async def run(self) -> None:
        """Judge what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._thread, self._worker.warm)
        try:
            while True:
                self._changed.clear()
                uri = min(self._due, key=lambda uri: self._due[uri], default=None)
                wait = None if uri is None else self._due[uri] - loop.time()
                if uri is not None and wait is not None and wait <= 0:
                    del self._due[uri]
                    try:
                        await self._judge(uri)
                    except Exception:  # one document must not keep the others from being judged
                        self._log(f"{uri}: {traceback.format_exc()}")
                    continue
                try:
                    await asyncio.wait_for(self._changed.wait(), wait)
                except (asyncio.TimeoutError, TimeoutError):
                    continue
        finally:
            self.close()

    def close(self) -> None:
        """End the process, and with it the thread that waits for it."""
        self._worker.interrupt()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _judge(self, uri: str) -> None:
        document = self._documents.get(uri)
        if document is None:
            return
        revision, parts = document.revision, tuple(document.parts)
        verdict, failure = None, ""
        try:
            verdict = await self._answer(uri, self._question(document))
        except Interrupted:
            self._due.setdefault(uri, asyncio.get_running_loop().time())
            return
        except Died as error:
            failure = "the process that checked this file died; exclude the file, please report it"
            self._log(f"{document.path}: {failure} ({error})")
        except Failed as error:
            failure = f"internal error, please report it: {str(error).strip().splitlines()[-1]}"
            self._log(f"{document.path}: {error}")
        current = self._documents.get(uri)
        if current is None or current.revision != revision:
            return  # the newer text is due, or the document is closed
        result = Result(uri, document.path, revision, parts, verdict, failure)
        self._results[uri] = result
        self._publish(result)
        self._answer_waiting(uri, result)

    async def _answer(self, uri: str, question: Question) -> Verdict:
        """Ask the process; end it where it works for long on a text that is no longer the newest."""
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._thread, self._worker.judge, question)
        started = loop.time()
        while True:
            done, _ = await asyncio.wait({answer}, timeout=0.1)
            if done:
                return answer.result()
            lasted = loop.time() - started
            if lasted > LIMIT:
                self._worker.interrupt()
                await asyncio.wait({answer})
                answer.exception()  # so that asyncio does not miss it
                raise Died(f"given up after {LIMIT:.0f} s")
            if uri in self._due and lasted > PATIENCE:
                self._worker.interrupt()

    def _question(self, document: Document) -> Question:
        others = tuple((each.path, each.text()) for each in self._documents if each is not document)
        return Question(document.path, document.text(), self._documents.folder, others)

    def _answer_waiting(self, uri: str, result: Result | None) -> None:
        for future in self._waiting.pop(uri, ()):
            if not future.done():
                future.set_result(result)
