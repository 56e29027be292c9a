"""A real client of `fanroute lsp`: pygls' own, over the standard streams of a process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

# How the files begin that are edited.
HEAD = """\
version: 1
service: {name: chat}
backends:
  origin: {url: https://app.example.com}
  self: {loopback: true}
routes:
"""
# How long an answer may take, in seconds. A busy machine is slow.
PATIENCE = 60


class Editor(LanguageClient):
    """An editor with one open file. `|` in a text is its cursor."""

    def __init__(self, file: Path) -> None:
        super().__init__("a-test", "1")
        self.uri = file.as_uri()
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self._version = 0
        self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.published.put_nowait(params))

    def open(self, text: str, uri: str = "") -> None:
        document = types.TextDocumentItem(uri or self.uri, "yaml", self._version, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def type(self, text: str) -> None:
        """Replaces the text of the file."""
        self._version += 1
        changes = [types.TextDocumentContentChangeWholeDocument(text)]
        document = types.VersionedTextDocumentIdentifier(self._version, self.uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))

    async def diagnostics(self) -> list[types.Diagnostic]:
        """Waits for the next diagnostics."""
        return list((await asyncio.wait_for(self.published.get(), PATIENCE)).diagnostics)

    async def codes_of(self, file: Path, expected: list[str]) -> list[types.Diagnostic]:
        """Waits for diagnostics of a file that have these codes."""
        while True:
            published = await asyncio.wait_for(self.published.get(), PATIENCE)
            if published.uri == file.as_uri() and [each.code for each in published.diagnostics] == expected:
                return list(published.diagnostics)

    def place(self, text: str) -> dict[str, Any]:
        """Types a text without its `|`, and returns the parameters of a request about the place of that."""
        before = text[: text.index("|")]
        self.type(text.replace("|", "", 1))
        position = types.Position(before.count("\n"), len(before.rpartition("\n")[2].encode("utf-16-le")) // 2)
        return {"text_document": types.TextDocumentIdentifier(self.uri), "position": position}


@asynccontextmanager
async def editing(
    file: Path, *options: str, snippets: bool = True, encodings: tuple[str, ...] = (), within: Path | None = None
) -> AsyncIterator[Editor]:
    """Runs `fanroute lsp` and a client of it, which has a folder open: by default that of the file.

    At the end, the server must have ended with 0 and printed nothing.
    """
    editor = Editor(file)
    await editor.start_io(sys.executable, "-P", "-m", "fanroute", "lsp", *options, cwd=file.parent)
    process = editor._server
    assert process is not None and process.stderr is not None
    item = types.ClientCompletionItemOptions(snippet_support=snippets)
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(completion=types.CompletionClientCapabilities(completion_item=item)),
        general=types.GeneralClientCapabilities(
            position_encodings=[types.PositionEncodingKind(each) for each in encodings] or None
        ),
    )
    params = types.InitializeParams(capabilities, root_uri=(within or file.parent).as_uri())
    await asyncio.wait_for(editor.initialize_async(params), PATIENCE)
    editor.initialized(types.InitializedParams())
    try:
        yield editor
        await asyncio.wait_for(editor.shutdown_async(None), PATIENCE)
        editor.exit(None)
        printed = await asyncio.wait_for(process.stderr.read(), PATIENCE)
        code = await asyncio.wait_for(process.wait(), PATIENCE)
        assert (code, printed) == (0, b""), f"it ended with {code}, and printed {printed.decode()}"
    finally:
        if process.returncode is None:
            process.kill()
        await editor.stop()
