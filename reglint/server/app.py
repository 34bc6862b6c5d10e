"""The server as an editor sees it: what comes in goes to ``documents`` and ``checks``, what comes out is published."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method
from pygls.uris import to_fs_path

from reglint import __version__
from reglint.pins import is_manifest
from reglint.server import values
from reglint.server.analysis import Wish, group
from reglint.server.checks import PAUSE, Checks, Result
from reglint.server.documents import Document, Documents
from reglint.server.worker import Worker
from reglint.settings import KNOWN_KEYS, UNREADABLE, UNUSED_SUPPRESSION

FIX_ALL = "source.fixAll.reglint"
_QUICK_FIX = types.CodeActionKind.QuickFix.value

#: Settings that a client may give; the others speak about files, and belong beside them.
CLIENT_KEYS = ("select", "ignore", "extend-select", "keras-version", "target", "preview", "unsafe-fixes", "layers")

_WATCHED = (
    "**/*.{py,toml,lock,json,md}",
    "**/*{requirements,constraints}*",
    "**/{requirements,requirement,reqs}/*",
    "**/{setup.cfg,tox.ini,Pipfile}",
    "**/*{env,environment}*.{yml,yaml}",
    "**/*ockerfile*",
)


class Protocol(LanguageServerProtocol):
    """pygls's protocol, but what is open is kept by ``Documents``."""

    _server: Server

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take in a file."""
        self._server.opened(self._server.documents.open_text(params.text_document))

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Take in what was typed."""
        self._server.changed(self._server.documents.change_text(params))

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a file."""
        self._server.closed(self._server.documents.close(params.text_document.uri))

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Take in a notebook."""
        self._server.opened(self._server.documents.open_notebook(params))

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Take in what was typed in cells, and which cells came, went or moved."""
        document, gone = self._server.documents.change_notebook(params)
        self._server.clear(gone)
        self._server.changed(document)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Forget a notebook."""
        self._server.closed(self._server.documents.close(params.notebook_document.uri))


class Server(LanguageServer):
    """One editor's server."""

    protocol: Protocol

    def __init__(self) -> None:
        notebooks = types.NotebookDocumentSyncOptions(
            [types.NotebookDocumentFilterWithCells(cells=[types.NotebookCellLanguage("python")], notebook="*")],
            save=True,
        )
        super().__init__(
            "reglint",
            __version__,
            notebook_document_sync=notebooks,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.documents = Documents()
        self.worker = Worker()
        self.checks = Checks(self.documents, self.worker, self._publish, self.log_error)
        self._running: asyncio.Task[None] | None = None
        self._noted: set[str] = set()
        self._tags: frozenset[types.DiagnosticTag] = frozenset()

    # -- what came in -------------------------------------------------------------------------------------------------

    def opened(self, document: Document | None) -> None:
        """Judge a document that was opened, and those that import it."""
        if document is not None:
            self.checks.soon(document.uri, 0)
            self.checks.soon_dependents(document.path)

    def changed(self, document: Document | None) -> None:
        """Judge a document that was changed, when no key comes for a while, and those that import it."""
        if document is not None:
            self.checks.soon(document.uri)
            self.checks.soon_dependents(document.path, 2 * PAUSE)

    def closed(self, document: Document | None) -> None:
        """Take back what was said about a document; those that import it read the disk again."""
        if document is not None:
            self.checks.forget(document.uri)
            self.clear([part.uri for part in document.parts])
            self.checks.soon_dependents(document.path)

    def clear(self, uris: Sequence[str]) -> None:
        """Take back what was said about texts."""
        for uri in uris:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def configure(self, given: object) -> None:
        """Take the client's settings, and judge everything anew by them."""
        self.worker.overrides = self._overrides(given)
        self.start_afresh()

    def start_afresh(self) -> None:
        """Read settings, manifests and cards anew, and judge everything by them."""
        self._noted.clear()
        self.worker.interrupt()
        self.checks.soon_all(0)

    def follow_client(self, params: types.InitializeParams) -> None:
        """Take what the client can do and wants."""
        folders = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or ""]
        path = next(filter(None, map(to_fs_path, folders)), params.root_path)
        self.documents.folder = os.path.abspath(path or os.getcwd())
        self.documents.encoding = str(self.workspace.position_encoding)
        tags = get_capability(self.client_capabilities, "text_document.publish_diagnostics.tag_support.value_set")
        self._tags = frozenset(tags or ())
        self.worker.overrides = self._overrides(params.initialization_options)

    def start(self) -> None:
        """Begin to judge."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self.checks.run())

    def shutdown(self) -> None:
        """End what runs beside us, or we would wait for it."""
        self.checks.close()
        super().shutdown()  # type: ignore[no-untyped-call]

    def _overrides(self, given: object) -> dict[str, Any]:
        """Return the client's settings under the names of [tool.reglint]; says what cannot be followed."""
        table = given.get("settings", given.get("reglint", given)) if isinstance(given, Mapping) else {}
        found: dict[str, Any] = {}
        for name, value in table.items() if isinstance(table, Mapping) else ():
            key = re.sub(r"[A-Z]", lambda letter: "-" + letter[0].lower(), str(name)).replace("_", "-")
            if key in CLIENT_KEYS and value is not None:
                found[key] = value
            elif value is not None:
                where = "; it belongs into pyproject.toml" if key in KNOWN_KEYS else ""
                self.note(f"client settings: {name!r} is not followed{where}")
        return found

    # -- what goes out ------------------------------------------------------------------------------------------------

    @property
    def encoding(self) -> str:
        """The units in which columns are counted."""
        return self.documents.encoding

    def _publish(self, result: Result) -> None:
        by_part = values.diagnostics(result, self.encoding, self._tags)
        for part, found in zip(result.parts, by_part, strict=True):
            if part.is_code:
                params = types.PublishDiagnosticsParams(part.uri, found, part.version)
                self.text_document_publish_diagnostics(params)
        for note in result.verdict.notes if result.verdict else ():
            self.note(note)

    def note(self, line: str) -> None:
        """Tell the user something about settings or manifests, once."""
        if line not in self._noted:
            self._noted.add(line)
            self.window_log_message(types.LogMessageParams(types.MessageType.Warning, line))

    def log_error(self, text: str) -> None:
        """Write an error of ours into the client's log."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, text))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Write what went wrong with one message into the log; pygls would open a window."""
        self.log_error(f"{type(error).__name__}: {error}")

    # -- actions and hovers -------------------------------------------------------------------------------------------

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Return what may be done about the findings in a range, and about all of a document."""
        only = params.context.only
        wants_fixes, wants_all = _wants(only, _QUICK_FIX), _wants(only, FIX_ALL)
        held = self.documents.holding(params.text_document.uri)
        if held is None or not (wants_fixes or wants_all):
            return []
        result = await self.checks.fresh(held[0].uri)
        held = self.documents.holding(params.text_document.uri)
        if result is None or result.verdict is None or not result.verdict.may_fix or held is None:
            return []
        actions: list[types.CodeAction] = []
        if wants_fixes:
            actions += await self._quick_fixes(result, held[1], params)
        if wants_all:
            actions += await self._fix_all(result)
        return actions

    async def _quick_fixes(self, result: Result, part: int, params: types.CodeActionParams) -> list[types.CodeAction]:
        placed = [each for each in values.placed(result, self.encoding) if each.part == part]
        here = [each.finding for each in placed if values.touches(each.range, params.range)]
        named = {
            data["fingerprint"]: diagnostic
            for diagnostic in params.context.diagnostics
            if isinstance(data := diagnostic.data, dict) and "fingerprint" in data
        }
        all_of_part = group(each.finding for each in placed)
        groups = [found for found in all_of_part if any(each in here for each in found)]
        silenced = [each for each in here if each.code not in (UNREADABLE, UNUSED_SUPPRESSION)]
        wishes = [Wish("fix", found[0].fingerprint) for found in groups]
        wishes += [Wish("silence", each.fingerprint) for each in silenced]
        texts = await self.checks.change(result, wishes) if wishes else []
        actions: list[types.CodeAction] = []
        for number, (found, changed) in enumerate(zip([*groups, *([each] for each in silenced)], texts, strict=True)):
            edit = self._edit(result, changed)
            if edit is None:
                continue
            is_fix = number < len(groups)
            title = values.action_title(found) if is_fix else f"{found[0].code}: Silence it here with `# noqa`"
            actions.append(
                types.CodeAction(
                    title,
                    types.CodeActionKind.QuickFix,
                    [named[each.fingerprint] for each in found if each.fingerprint in named] or None,
                    is_preferred=True if is_fix and values.is_safe(found) else None,
                    edit=edit,
                )
            )
        return actions

    async def _fix_all(self, result: Result) -> list[types.CodeAction]:
        verdict = result.verdict
        assert verdict is not None
        if not any(values.is_safe(found) or verdict.unsafe_fixes for found in group(verdict.diagnostics)):
            return []
        action = types.CodeAction(
            "reglint: Fix all that can be fixed safely" if not verdict.unsafe_fixes else "reglint: Fix all",
            FIX_ALL,
            data={"uri": result.uri, "wish": "all"},
        )
        later = get_capability(self.client_capabilities, "text_document.code_action.resolve_support.properties")
        if "edit" not in (later or ()):
            action = await self.resolve(action)
            return [action] if action.edit else []
        return [action]

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """Return the action with its edit, which is worked out only now."""
        data = action.data
        if isinstance(data, dict) and data.get("wish") == "all":
            result = await self.checks.fresh(str(data.get("uri")))
            if result is not None:
                [texts] = await self.checks.change(result, [Wish("all")])
                action.edit = self._edit(result, texts)
        return action

    def _edit(self, result: Result, texts: Sequence[str] | None) -> types.WorkspaceEdit | None:
        if texts is None or len(texts) != len(result.parts):
            return None
        versioned = get_capability(self.client_capabilities, "workspace.workspace_edit.document_changes", False)
        return values.workspace_edit(result.parts, texts, self.encoding, bool(versioned))

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """Return the card of the rules that found something at a place."""
        held = self.documents.holding(params.text_document.uri)
        result = self.checks.known(held[0].uri) if held else None
        if held is None or result is None or result.revision != held[0].revision:
            return None
        here = types.Range(params.position, params.position)
        placed = values.placed(result, self.encoding)
        found = [each for each in placed if each.part == held[1] and values.touches(each.range, here)]
        formats = get_capability(self.client_capabilities, "text_document.hover.content_format")
        return values.hover(result, found, types.MarkupKind.Markdown in (formats or ())) if found else None


def _wants(only: Sequence[types.CodeActionKind | str] | None, kind: str) -> bool:
    """Say whether a client that asks for some kinds of actions, or for all, asks for this one."""
    if only is None:
        return True
    wanted = [each.value if isinstance(each, types.CodeActionKind) else str(each) for each in only]
    return any(not each or kind == each or kind.startswith(each + ".") for each in wanted)


def make_server() -> Server:
    """Return a server that has all its features and waits for a client."""
    server = Server()

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.follow_client(params)

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        server.start()
        watching = "workspace.did_change_watched_files.dynamic_registration"
        if get_capability(server.client_capabilities, watching):
            watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            server.client_register_capability(
                types.RegistrationParams([types.Registration("reglint-files", method, options)])
            )

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.checks.soon(params.text_document.uri, 0)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def notebook_saved(params: types.DidSaveNotebookDocumentParams) -> None:
        server.checks.soon(params.notebook_document.uri, 0)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        paths = [path for change in params.changes if (path := to_fs_path(change.uri))]
        if any(_decides(path) or path in server.worker.decisive for path in paths):
            server.start_afresh()
        for path in paths:
            server.checks.soon_dependents(path)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        # Clients that want to be asked send nothing; what they said when they started goes on.
        if isinstance(params.settings, Mapping) and params.settings.get("reglint"):
            server.configure(params.settings)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        server.start_afresh()

    kinds = [types.CodeActionKind.QuickFix, FIX_ALL]
    options = types.CodeActionOptions(kinds, resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        return await server.code_actions(params)

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def code_action_resolve(action: types.CodeAction) -> types.CodeAction:
        return await server.resolve(action)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await server.hover(params)

    return server


def _decides(path: str) -> bool:
    """Say whether a file may decide how others are judged: a manifest, or settings."""
    name, folder = os.path.basename(path), os.path.basename(os.path.dirname(path))
    return is_manifest(name, images=True) or name.endswith(".toml") or folder in ("requirements", "requirement", "reqs")


def serve() -> None:
    """Speak with the client on stdin and stdout, until it says goodbye or is gone."""
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever else is printed, by us or by a library, must not end up between the messages.
    sys.stdout.flush()
    os.dup2(2, 1)
    make_server().start_io(stdin, stdout)
