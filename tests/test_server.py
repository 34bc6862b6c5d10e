"""The language server, as an editor meets it: the real process, spoken to by a real client."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

from reglint.inspector import Inspector
from reglint.server.analysis import Analyst, Question
from reglint.server.edits import replacements
from reglint.server.positions import Lines

VSCODE, NEOVIM = "visual-studio-code", "neovim"
OLD = "from keras.layers import Dense\nfrom keras.regularizers import l2\n\nlayer = Dense(8, W_regularizer=l2(0.01))\n"
NEW = OLD.replace("W_regularizer", "kernel_regularizer")
COMMAND = [sys.executable, "-m", "reglint", "server"]

pytestmark = pytest.mark.asyncio


class Editor:
    """A client with open texts; ``texts`` are what the user sees, changed by the server's edits alone."""

    def __init__(self, client: LanguageClient, folder: Path, encoding: str) -> None:
        self.client = client
        self.folder = folder
        self.encoding = encoding
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: list[types.PublishDiagnosticsParams] = []
        self.registered: list[types.Registration] = []

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> str:
        uri = self.uri(name)
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri, "python", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, text: str) -> None:
        """Type: the whole text is new."""
        self._changed(uri, text, [types.TextDocumentContentChangeWholeDocument(text)])

    def insert(self, uri: str, position: types.Position, added: str) -> None:
        """Type at one place, as editors tell it."""
        place = types.Range(position, position)
        text = apply(self.texts[uri], [types.TextEdit(place, added)], self.encoding)
        self._changed(uri, text, [types.TextDocumentContentChangePartial(place, added)])

    def _changed(self, uri: str, text: str, changes: Sequence[types.TextDocumentContentChangeEvent]) -> None:
        self.texts[uri] = text
        self.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))

    async def diagnostics(self, uri: str, version: int | None = None) -> list[types.Diagnostic]:
        """Wait for what the server says about a version (the newest one) of a text."""
        wanted = self.versions[uri] if version is None else version
        return list((await self.until(lambda: self._last(uri, wanted))).diagnostics)

    def _last(self, uri: str, version: int) -> types.PublishDiagnosticsParams | None:
        found = [each for each in self.published if each.uri == uri]
        return found[-1] if found and found[-1].version == version else None

    async def shows(self, uri: str, codes: Sequence[str]) -> None:
        """Wait until the user sees just these codes in a text."""

        def look() -> bool:
            found = [each for each in self.published if each.uri == uri]
            return bool(found) and [each.code for each in found[-1].diagnostics] == list(codes)

        await self.until(look)

    async def until(self, look: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait until ``look`` returns something."""
        end = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > end:
                raise AssertionError(f"in vain: {self.published[-3:]} {self.log()}")
            await asyncio.sleep(0.01)
        return found

    def log(self) -> str:
        return "\n".join(message.message for message in self.client.log_messages)

    async def actions(
        self, uri: str, place: types.Range, known: Sequence[types.Diagnostic] = (), only: list[str] | None = None
    ) -> list[types.CodeAction]:
        context = types.CodeActionContext(known, only)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
        found = await self.client.text_document_code_action_async(params)
        actions = []
        for action in found or ():
            assert isinstance(action, types.CodeAction)
            if action.edit is None:
                action = await self.client.code_action_resolve_async(action)
            actions.append(action)
        return actions

    def apply(self, action: types.CodeAction) -> None:
        """Do what an action says, and tell the server."""
        assert action.edit is not None
        for uri, edits in edits_of(action).items():
            self.change(uri, apply(self.texts[uri], edits, self.encoding))

    def watched(self, path: Path, kind: types.FileChangeType) -> None:
        """Tell that a file on the disk has changed."""
        event = types.FileEvent(path.as_uri(), kind)
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))


def edits_of(action: types.CodeAction) -> dict[str, list[types.TextEdit]]:
    assert action.edit is not None
    if action.edit.changes is not None:
        return {uri: list(edits) for uri, edits in action.edit.changes.items()}
    found = {}
    for change in action.edit.document_changes or ():
        assert isinstance(change, types.TextDocumentEdit)
        found[change.text_document.uri] = [edit for edit in change.edits if isinstance(edit, types.TextEdit)]
    return found


CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def apply(text: str, edits: Sequence[types.TextEdit], encoding: str) -> str:
    """Apply edits as a client does that keeps its texts in its own units."""
    codec, width = CODECS[encoding]

    def offset(position: types.Position) -> int:
        lines = text.split("\n")
        before = "".join(line + "\n" for line in lines[: position.line])
        units = lines[position.line].encode(codec)[: position.character * width]
        return len(before) + len(units.decode(codec))

    for edit in sorted(edits, key=lambda edit: offset(edit.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def cut(text: str, place: types.Range, encoding: str = "utf-16") -> str:
    """The text in a range."""
    marked = apply(text, [types.TextEdit(place, "\0")], encoding)
    before, after = marked.split("\0")
    return text[len(before) : len(text) - len(after)]


@asynccontextmanager
async def editor(
    folder: Path,
    like: str = VSCODE,
    encoding: str = "utf-16",
    folders: Sequence[Path] = (),
    resolves: bool = True,
    **options: Any,
) -> AsyncIterator[Editor]:
    """An editor with a server of its own, which must have ended well in the end."""
    client = make_test_lsp_client()
    capabilities = client_capabilities(like)
    assert capabilities.general is not None
    capabilities.general.position_encodings = [types.PositionEncodingKind(encoding)]
    if not resolves:
        assert capabilities.text_document is not None and capabilities.text_document.code_action is not None
        capabilities.text_document.code_action.resolve_support = None
    capabilities.notebook_document = types.NotebookDocumentClientCapabilities(
        types.NotebookDocumentSyncClientCapabilities()
    )
    made = Editor(client, folder, encoding)

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        made.registered += params.registrations

    client.protocol.fm.features.pop(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def publish(params: types.PublishDiagnosticsParams) -> None:
        made.published.append(params)

    await client.start_io(*COMMAND, cwd=folder)
    opened = [types.WorkspaceFolder(each.as_uri(), each.name) for each in folders or (folder,)]
    params = types.InitializeParams(
        capabilities, root_uri=folder.as_uri(), workspace_folders=opened, initialization_options=options or None
    )
    result = await client.initialize_session(params)
    assert result.capabilities.position_encoding == encoding
    assert result.capabilities.notebook_document_sync is not None
    try:
        yield made
    finally:
        server = client._server
        assert server is not None
        await asyncio.wait_for(client.shutdown_session(), 30)
        assert server.returncode == 0
        await client.stop()
        server._transport.close()  # type: ignore[attr-defined]  # Python 3.10 does so too late


# --- the whole way ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("like", [VSCODE, NEOVIM])
async def test_a_finding_is_shown_fixed_by_its_action_and_gone(tmp_path: Path, like: str) -> None:
    async with editor(tmp_path, like) as user:
        uri = user.open("model.py", OLD)
        [found] = await user.diagnostics(uri)
        assert (found.code, found.source, found.severity) == ("REG101", "reglint", types.DiagnosticSeverity.Error)
        assert cut(OLD, found.range) == "W_regularizer"
        assert found.code_description is not None
        assert Path(found.code_description.href.removeprefix("file://")).name.startswith("REG101")
        assert list(found.tags or ()) == [types.DiagnosticTag.Deprecated]
        assert found.data["fix"] == "safe"

        actions = await user.actions(uri, found.range, [found])
        [fix] = [action for action in actions if action.is_preferred]
        assert fix.kind == types.CodeActionKind.QuickFix
        assert [each.message for each in fix.diagnostics or ()] == [found.message]
        [edit] = edits_of(fix)[uri]
        assert (cut(OLD, edit.range), edit.new_text) == ("W_regularizer", "kernel_regularizer")
        user.apply(fix)
        assert user.texts[uri] == NEW
        assert await user.diagnostics(uri) == []


async def test_a_noqa_silences_one_line_and_adds_its_code_to_what_is_there(tmp_path: Path) -> None:
    text = OLD.replace("0.01))", "0.01))  # noqa: E501") + "other = Dense(\n    8,\n    b_regularizer=l2(1),  \n)\n"
    async with editor(tmp_path) as user:
        uri = user.open("model.py", text)
        for found in await user.diagnostics(uri):
            [silence] = [each for each in await user.actions(uri, found.range) if "noqa" in each.title]
            assert silence.is_preferred is None
            user.apply(silence)
        assert "# noqa: E501, REG101\n" in user.texts[uri]
        assert "    b_regularizer=l2(1),  # noqa: REG101\n" in user.texts[uri]
        assert await user.diagnostics(uri) == []


async def test_fix_all_mends_the_whole_file_and_leaves_what_is_unsafe(tmp_path: Path) -> None:
    text = OLD.replace("import l2", "import l1l2, l2") + "conv = Dense(8, b_regularizer=l1l2(l2=1e-4))\n"
    text += "from keras.layers import LSTM\nlstm = LSTM(8, weight_regularizer=l2(1))\n"
    async with editor(tmp_path) as user:
        uri = user.open("model.py", text)
        found = await user.diagnostics(uri)
        [unsafe] = [each for each in found if each.data["fix"] == "unsafe"]
        offered = await user.actions(uri, unsafe.range, [unsafe], ["quickfix"])
        assert [action.is_preferred for action in offered] == [None, None]
        whole = types.Range(types.Position(0, 0), types.Position(99, 0))
        [fix] = await user.actions(uri, whole, found, ["source.fixAll"])
        assert fix.kind == "source.fixAll.reglint"
        user.apply(fix)
        assert "Dense(8, bias_regularizer=l1_l2(l2=1e-4, l1=0.01))" in user.texts[uri]
        assert "weight_regularizer=l2(1)" in user.texts[uri]
        assert [each.data["fix"] for each in await user.diagnostics(uri)] == ["unsafe"]
        assert await user.actions(uri, whole, only=["source.organizeImports"]) == []


async def test_a_client_that_resolves_nothing_gets_the_edit_at_once(tmp_path: Path) -> None:
    async with editor(tmp_path, resolves=False) as user:
        uri = user.open("model.py", OLD)
        [found] = await user.diagnostics(uri)
        only: list[types.CodeActionKind | str] = ["source.fixAll.reglint"]
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), found.range, types.CodeActionContext([], only)
        )
        [action] = await user.client.text_document_code_action_async(params) or ()
        assert isinstance(action, types.CodeAction)
        user.apply(action)
        assert user.texts[uri] == NEW


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_columns_are_counted_in_the_units_of_the_client(tmp_path: Path, encoding: str) -> None:
    line = "layer = Dense(8, name='é𝛌🙂', W_regularizer=l2(0.01)), '𝛌'"
    text = OLD.replace("layer = Dense(8, W_regularizer=l2(0.01))", line)
    async with editor(tmp_path, encoding=encoding) as user:
        uri = user.open("model.py", text)
        [found] = await user.diagnostics(uri)
        assert cut(text, found.range, encoding) == "W_regularizer"
        fix, silence, *_ = await user.actions(uri, found.range)
        assert apply(text, edits_of(silence)[uri], encoding) == text[:-1] + "  # noqa: REG101\n"
        # What was typed behind such characters is understood, too.
        user.insert(uri, found.range.start, "use_bias=True, ")
        [found] = await user.diagnostics(uri)
        assert cut(user.texts[uri], found.range, encoding) == "W_regularizer"
        user.apply((await user.actions(uri, found.range))[0])
        assert "name='é𝛌🙂', use_bias=True, kernel_regularizer=l2" in user.texts[uri]
        assert await user.diagnostics(uri) == []
        assert fix.is_preferred


async def test_form_feeds_and_unicode_line_separators_end_no_line(tmp_path: Path) -> None:
    text = "# one \x0c two \u2028 three\n" + OLD
    async with editor(tmp_path) as user:
        uri = user.open("model.py", text)
        user.insert(uri, types.Position(4, 0), "first = 1\n")
        [found] = await user.diagnostics(uri)
        assert found.range.start.line == 5
        assert cut(user.texts[uri], found.range) == "W_regularizer"


async def test_hovering_shows_the_card_of_the_rule(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD)
        [found] = await user.diagnostics(uri)
        document = types.TextDocumentIdentifier(uri)
        hover = await user.client.text_document_hover_async(types.HoverParams(document, found.range.start))
        assert hover is not None and isinstance(hover.contents, types.MarkupContent)
        assert hover.contents.kind == types.MarkupKind.Markdown
        assert "# renamed-regularizer-argument (REG101)" in hover.contents.value
        assert "## Why is this bad" in hover.contents.value
        elsewhere = types.HoverParams(document, types.Position(0, 0))
        assert await user.client.text_document_hover_async(elsewhere) is None


# --- typing ----------------------------------------------------------------------------------------------------------


async def test_nothing_is_said_while_keys_come_and_then_only_about_the_last(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD)
        await user.diagnostics(uri)
        for number in range(20):
            user.change(uri, OLD + "#" * number + "\n")
            await asyncio.sleep(0.02)
        await user.diagnostics(uri)
        versions = [each.version for each in user.published]
        assert (versions[0], versions[-1]) == (1, 21)
        assert len(versions) < 6, "on a machine without other work there are two"


async def test_an_answer_about_an_older_text_is_never_shown(tmp_path: Path) -> None:
    slow = OLD + "".join(f"layer{n} = Dense({n}, name='x', W_regularizer=l2(0.01))\n" for n in range(4000))
    async with editor(tmp_path) as user:
        uri = user.open("model.py", slow)
        await asyncio.sleep(0.6)  # by now it is being judged, which takes seconds
        user.change(uri, NEW)
        started = time.monotonic()
        assert await user.diagnostics(uri) == []
        assert time.monotonic() - started < 5
        await asyncio.sleep(1)
        assert [each.version for each in user.published] == [2]


async def test_the_server_answers_while_it_judges(tmp_path: Path) -> None:
    slow = OLD + "".join(f"layer{n} = Dense({n}, name='x', W_regularizer=l2(0.01))\n" for n in range(8000))
    async with editor(tmp_path) as user:
        user.open("slow.py", slow)
        await asyncio.sleep(0.6)
        hover = types.HoverParams(types.TextDocumentIdentifier(user.uri("slow.py")), types.Position(0, 0))
        started = time.monotonic()
        await user.client.text_document_hover_async(hover)
        assert time.monotonic() - started < 1
        assert user.published == []


async def test_closing_takes_back_what_was_said(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD)
        assert await user.diagnostics(uri)
        document = types.TextDocumentIdentifier(uri)
        user.client.text_document_did_close(types.DidCloseTextDocumentParams(document))
        await user.shows(uri, [])


async def test_an_action_is_about_what_was_just_typed(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        uri = user.open("model.py", "")
        assert await user.diagnostics(uri) == []
        user.change(uri, "# a new line\n" + OLD)
        whole = types.Range(types.Position(0, 0), types.Position(9, 0))
        [fix] = await user.actions(uri, whole, only=["source.fixAll.reglint"])
        user.apply(fix)
        assert user.texts[uri] == "# a new line\n" + NEW


# --- other files -----------------------------------------------------------------------------------------------------


async def test_imports_are_read_from_what_is_open_before_the_disk(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("keras\n")
    (tmp_path / "blocks.py").write_text("from keras.layers import Dense\n")
    main = OLD.replace("keras.layers", "blocks")
    async with editor(tmp_path) as user:
        uri = user.open("model.py", main)
        assert [each.code for each in await user.diagnostics(uri)] == ["REG101"]
        # Unsaved: Dense is now a class of the project's own.
        blocks = user.open("blocks.py", "class Dense:\n    def __init__(self, n, W_regularizer): ...\n")
        await user.shows(uri, [])
        document = types.TextDocumentIdentifier(blocks)
        user.client.text_document_did_close(types.DidCloseTextDocumentParams(document))
        await user.shows(uri, ["REG101"])
        (tmp_path / "blocks.py").write_text("class Dense: ...\n")
        user.watched(tmp_path / "blocks.py", types.FileChangeType.Changed)
        await user.shows(uri, [])


async def test_settings_and_manifests_are_read_again_when_they_change(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD)
        assert [each.code for each in await user.diagnostics(uri)] == ["REG101"]
        await user.until(lambda: user.registered)
        settings.write_text('[tool.reglint]\nignore = ["REG101"]\n')
        user.watched(settings, types.FileChangeType.Created)
        await user.shows(uri, [])
        settings.unlink()
        user.watched(settings, types.FileChangeType.Deleted)
        await user.shows(uri, ["REG101"])
        (tmp_path / "requirements.txt").write_text("keras==1.2.2\n")
        user.watched(tmp_path / "requirements.txt", types.FileChangeType.Created)
        await user.shows(uri, [])


async def test_settings_are_read_again_though_the_editor_watches_nothing(tmp_path: Path) -> None:
    async with editor(tmp_path, NEOVIM) as user:
        uri = user.open("model.py", OLD)
        assert await user.diagnostics(uri)
        (tmp_path / "pyproject.toml").write_text('[tool.reglint]\nignore = ["REG101"]\n')
        document = types.TextDocumentIdentifier(uri)
        user.client.text_document_did_save(types.DidSaveTextDocumentParams(document))
        await user.shows(uri, [])


async def test_what_the_baseline_knows_is_neither_shown_nor_mended(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(OLD)
    (tmp_path / "pyproject.toml").write_text('[tool.reglint]\nbaseline = "known.json"\n')
    known = tmp_path / "known.json"
    subprocess.run([*COMMAND[:3], "baseline"], cwd=tmp_path, check=True, capture_output=True)
    assert known.exists()
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD + "new = Dense(4, b_regularizer=l2(1))\n")
        [found] = await user.diagnostics(uri)
        assert found.range.start.line == 4
        [fix] = await user.actions(uri, found.range, only=["source.fixAll"])
        user.apply(fix)
        assert user.texts[uri] == OLD + "new = Dense(4, bias_regularizer=l2(1))\n"
        await user.shows(uri, [])
        known.write_text('{"version": 1, "findings": []}')
        user.watched(known, types.FileChangeType.Changed)
        await user.shows(uri, ["REG101"])


async def test_settings_that_cannot_be_followed_are_told_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.reglint]\nselekt = []\n")
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD)
        [found] = await user.diagnostics(uri)
        await user.until(lambda: "unknown key 'selekt'" in user.log())
        # Such files are judged with defaults, and never written.
        assert await user.actions(uri, found.range) == []


async def test_the_client_may_say_which_rules_and_which_keras(tmp_path: Path) -> None:
    async with editor(tmp_path, kerasVersion="==1.2.2", select=["REG1", "REG777"], lineLength=3) as user:
        uri = user.open("model.py", OLD)
        assert await user.diagnostics(uri) == []
        await user.until(lambda: "unknown rule code 'REG777'" in user.log())
        assert "'lineLength' is not followed" in user.log()
        change = types.DidChangeConfigurationParams({"reglint": {"ignore": [], "kerasVersion": ">=3"}})
        user.client.workspace_did_change_configuration(change)
        await user.shows(uri, ["REG101"])


async def test_every_folder_of_the_workspace_has_settings_of_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, ignored in ((one, "REG101"), (two, "REG104")):
        folder.mkdir()
        (folder / "pyproject.toml").write_text(f'[tool.reglint]\nignore = ["{ignored}"]\nexclude = ["gen"]\n')
    async with editor(tmp_path, folders=[one, two]) as user:
        first, second, third = (user.open(name, OLD) for name in ("one/a.py", "two/a.py", "two/gen/a.py"))
        assert await user.diagnostics(first) == []
        assert len(await user.diagnostics(second)) == 1
        assert await user.diagnostics(third) == []


async def test_a_file_that_was_never_saved_is_judged_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("keras==1.2.2\n")
    async with editor(tmp_path) as user:
        item = types.TextDocumentItem("untitled:Untitled-1", "python", 1, OLD)
        user.versions[item.uri] = 1
        user.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        assert await user.diagnostics(item.uri) == []
        item = types.TextDocumentItem("untitled:Untitled-2", "python", 1, OLD.replace("W_reg", "weight_reg"))
        user.versions[item.uri] = 1
        user.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        assert [each.code for each in await user.diagnostics(item.uri)] == ["REG101"]


# --- what cannot be read ---------------------------------------------------------------------------------------------


async def test_what_does_not_parse_is_shown_where_it_stops_and_goes_when_mended(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD + "def broken(:\n    pass\n")
        found = await user.diagnostics(uri)
        [broken] = [each for each in found if each.code == "REG900"]
        assert broken.range.start.line == 4
        assert broken.range.end > broken.range.start
        assert not [each for each in await user.actions(uri, broken.range) if "noqa" in each.title]
        user.change(uri, OLD)
        assert [each.code for each in await user.diagnostics(uri)] == ["REG101"]


async def test_python_2_is_read_and_mended(tmp_path: Path) -> None:
    text = OLD + "print 'done', layer\n"
    async with editor(tmp_path) as user:
        uri = user.open("model.py", text)
        [found] = await user.diagnostics(uri)
        user.apply((await user.actions(uri, found.range))[0])
        assert user.texts[uri] == NEW + "print 'done', layer\n"


async def test_a_text_that_no_file_could_hold_is_an_error_on_its_line(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        uri = user.open("model.py", OLD + "x = '\0'\n")
        [found] = await user.diagnostics(uri)
        assert (found.code, found.range.start.line) == ("REG900", 4)


async def test_an_error_of_ours_is_one_documents_and_stands_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst = Analyst({})
    monkeypatch.setattr(Inspector, "examined", lambda *arguments: 1 / 0)
    verdict = analyst.judge(Question(str(tmp_path / "model.py"), OLD, str(tmp_path)))
    [found] = verdict.diagnostics
    assert (found.code, found.message) == (
        "REG900",
        "internal error, please report it: ZeroDivisionError: division by zero",
    )
    assert "Traceback" in verdict.notes[0]
    monkeypatch.undo()
    assert [each.code for each in analyst.judge(Question(str(tmp_path / "b.py"), OLD, "")).diagnostics] == ["REG101"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the process in /proc")
async def test_the_server_outlives_the_process_that_judges(tmp_path: Path) -> None:
    slow = OLD + "".join(f"layer{n} = Dense({n}, name='x', W_regularizer=l2(0.01))\n" for n in range(4000))
    async with editor(tmp_path) as user:
        quick = user.open("quick.py", OLD)
        await user.diagnostics(quick)
        uri = user.open("model.py", slow)
        await asyncio.sleep(0.5)
        os.kill(_judge_of(user), signal.SIGKILL)
        [found] = await user.diagnostics(uri)
        assert found.code == "REG900" and "the process that checked this file died" in found.message
        await user.until(lambda: "model.py: the process that checked this file died" in user.log())
        user.change(quick, "\n" + OLD)
        assert [each.range.start.line for each in await user.diagnostics(quick)] == [4]


def _judge_of(user: Editor) -> int:
    """The process of the server's that judges: the one that is no helper of multiprocessing's."""
    server = user.client._server
    assert server is not None
    children = [
        int(pid)
        for task in Path(f"/proc/{server.pid}/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    [judge] = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return judge


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty for one that nobody has waited for yet
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the process in /proc")
async def test_nothing_goes_on_when_the_editor_dies(tmp_path: Path) -> None:
    client = make_test_lsp_client()
    await client.start_io(*COMMAND, cwd=tmp_path)
    await client.initialize_session(types.InitializeParams(client_capabilities(VSCODE), root_uri=tmp_path.as_uri()))
    user = Editor(client, tmp_path, "utf-16")
    user.open("model.py", OLD)
    await asyncio.sleep(1)
    judge, server = _judge_of(user), client._server
    assert server is not None and server.stdin is not None
    server.stdin.close()
    await asyncio.wait_for(server.wait(), 10)
    await user.until(lambda: not _lives(judge))
    await client.stop()


async def test_without_pygls_the_command_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['pygls'] = None; from reglint.cli import main; sys.exit(main(['server']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the server needs pygls; install it with `pip install 'reglint[server]'`\n"


# --- notebooks -------------------------------------------------------------------------------------------------------


class Notebook:
    """A notebook in an editor."""

    def __init__(self, user: Editor, name: str, cells: Sequence[tuple[str, str]]) -> None:
        self.user = user
        self.uri = user.uri(name)
        self.version = 1
        self.cells = [self._cell(number, kind) for number, (kind, _) in enumerate(cells)]
        items = [self._item(number, *cell) for number, cell in enumerate(cells)]
        notebook = types.NotebookDocument(self.uri, "jupyter-notebook", 1, self.cells)
        user.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, items))

    def cell_uri(self, number: int) -> str:
        return f"vscode-notebook-cell:{self.uri.removeprefix('file:')}#W{number}"

    def _cell(self, number: int, kind: str) -> types.NotebookCell:
        kinds = types.NotebookCellKind
        return types.NotebookCell(kinds.Markup if kind == "markdown" else kinds.Code, self.cell_uri(number))

    def _item(self, number: int, language: str, text: str) -> types.TextDocumentItem:
        uri = self.cell_uri(number)
        self.user.texts[uri], self.user.versions[uri] = text, 1
        return types.TextDocumentItem(uri, language, 1, text)

    def _changed(self, cells: types.NotebookDocumentCellChanges) -> None:
        self.version += 1
        document = types.VersionedNotebookDocumentIdentifier(self.version, self.uri)
        event = types.NotebookDocumentChangeEvent(cells=cells)
        self.user.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(document, event))

    def edit(self, uri: str, edits: Sequence[types.TextEdit]) -> None:
        """Do what an action says, and tell the server."""
        user = self.user
        user.texts[uri] = apply(user.texts[uri], edits, user.encoding)
        user.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(user.versions[uri], uri)
        events = [types.TextDocumentContentChangePartial(edit.range, edit.new_text) for edit in reversed(edits)]
        content = types.NotebookDocumentCellContentChanges(document, events)
        self._changed(types.NotebookDocumentCellChanges(text_content=[content]))

    def replace_cells(self, start: int, count: int, added: Sequence[tuple[str, str]], first: int) -> None:
        """Take cells out and put others in, which are numbered from ``first``."""
        cells = [self._cell(first + number, kind) for number, (kind, _) in enumerate(added)]
        items = [self._item(first + number, *cell) for number, cell in enumerate(added)]
        gone = self.cells[start : start + count]
        self.cells[start : start + count] = cells
        structure = types.NotebookDocumentCellChangeStructure(
            types.NotebookCellArrayChange(start, count, cells),
            items,
            [types.TextDocumentIdentifier(cell.document) for cell in gone],
        )
        self._changed(types.NotebookDocumentCellChanges(structure=structure))


CELLS = [
    ("markdown", "# A 🙂 model"),
    ("python", "%matplotlib inline\nfrom keras.layers import Dense\nfrom keras.regularizers import l2"),
    ("r", "W_regularizer <- 1"),
    ("python", "!pip list\nname = '🙂'; layer = Dense(8, W_regularizer=l2(0.01))\nDense(1, b_regularizer=l2(1))"),
]


async def test_cells_of_a_notebook_are_judged_and_mended(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        notebook = Notebook(user, "model.ipynb", CELLS)
        uri = notebook.cell_uri(3)
        first, second = await user.diagnostics(uri)
        assert [cut(user.texts[uri], each.range) for each in (first, second)] == ["W_regularizer", "b_regularizer"]
        assert await user.diagnostics(notebook.cell_uri(1)) == []
        fix, silence, *_ = await user.actions(uri, first.range, [first])
        assert set(edits_of(fix)) == {uri}
        assert [edit.new_text for edit in edits_of(fix)[uri]] == ["kernel_regularizer"]
        notebook.edit(uri, edits_of(silence)[uri])
        assert "l2(0.01))  # noqa: REG101\nDense(1" in user.texts[uri]
        [left] = await user.diagnostics(uri)
        [mend] = await user.actions(uri, left.range, only=["source.fixAll.reglint"])
        notebook.edit(uri, edits_of(mend)[uri])
        assert user.texts[uri].endswith("Dense(1, bias_regularizer=l2(1))")
        assert await user.diagnostics(uri) == []


async def test_cells_may_come_move_and_go(tmp_path: Path) -> None:
    async with editor(tmp_path) as user:
        notebook = Notebook(user, "model.ipynb", CELLS)
        last = notebook.cell_uri(3)
        assert len(await user.diagnostics(last)) == 2
        # Its imports go: nothing is known of Dense any more.
        notebook.replace_cells(1, 1, [("python", "def Dense(*args): ...\nl2 = 1")], first=10)
        await user.shows(last, [])
        notebook.replace_cells(0, 0, [("python", "pass"), ("markdown", "text"), CELLS[1]], first=20)
        notebook.replace_cells(4, 1, [], first=30)
        await user.shows(last, ["REG101", "REG101"])
        found = user._last(last, 1)
        assert found is not None and len(await user.actions(last, found.diagnostics[0].range, only=["quickfix"])) == 2
        notebook.replace_cells(5, 1, [], first=40)
        await user.shows(last, [])
        texts = [types.TextDocumentIdentifier(cell.document) for cell in notebook.cells]
        closed = types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier(notebook.uri), texts)
        user.client.notebook_document_did_close(closed)
        await user.shows(notebook.cell_uri(20), [])
        await user.until(lambda: user.published[-1].version is None)


# --- by itself -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "a"),
        ("a\r\nb\r\n", "a\r\nc\r\n"),
        ("f(a_b=1, c=2)", "f(a=1, b=2)"),
        ("a\n" * 300, "a\n" * 299 + "b"),
        ("a", ""),
    ],
)
async def test_replacements_make_the_new_text_of_the_old_one(old: str, new: str) -> None:
    made, end = [], 0
    for start, stop, content in replacements(old, new):
        made += [old[end:start], content]
        end = stop
    assert "".join(made) + old[end:] == new


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_every_offset_has_a_position_and_the_way_back(encoding: str) -> None:
    text = "é𝛌\r\n\n🙂x\x0c\u2028y\rz"
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n":
            assert lines.offset(lines.position(offset)) == offset
    assert lines.offset(types.Position(0, 99)) == 2
    assert lines.offset(types.Position(99, 0)) == len(text)
