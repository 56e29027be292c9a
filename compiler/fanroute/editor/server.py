"""The language server: which requests of an editor it answers, and when it checks a file.

It runs nothing, writes nothing, and reads only the files that an open routes.yaml names, within the folder of that file.
Source: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/
"""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from lsprotocol import types
from pygls.exceptions import JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from fanroute import __version__
from fanroute.editor.completion import TRIGGERS, completions_at
from fanroute.editor.definition import definition_at
from fanroute.editor.diagnostics import diagnostics_of
from fanroute.editor.document import Document
from fanroute.editor.hover import hover_at
from fanroute.editor.lenses import lenses_of
from fanroute.editor.positions import Positions

# A file is checked when nobody has typed in it for so long, in seconds.
DELAY = 0.2

Answer = TypeVar("Answer")


class EditorServer(LanguageServer):
    """Serves the documents whose files have one of some names. It leaves the editor's other documents alone."""

    def __init__(self, names: Collection[str]) -> None:
        # Whole texts: pygls applies changes by Python's line breaks, which are not the protocol's.
        super().__init__("fanroute", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self._names = names
        # One for what the user waits for, and one for checks. No request starts a thread of its own.
        self._workers = ThreadPoolExecutor(2)
        self._checks: dict[str, object] = {}

    def document(self, uri: str) -> Document | None:
        """Returns an open document that is served, None for any other."""
        opened, path = self.workspace.text_documents.get(unquote(uri)), to_fs_path(uri)
        if opened is None or path is None or "\0" in path or Path(path).name not in self._names:
            return None
        return Document(uri, Path(path), Positions(opened.source, self.workspace.position_encoding or "utf-16"))

    async def answer(self, uri: str, function: Callable[[Document], Answer]) -> Answer | None:
        """Calls a function with a document in another thread. Returns None for a document that is not served.

        Raises JsonRpcInternalError for an unexpected exception. Its message names the exception's type only.
        """
        document = self.document(uri)
        if document is None:
            return None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._workers, function, document)
        except Exception as error:
            raise JsonRpcInternalError(f"fanroute lsp has a fault: {type(error).__name__}") from error

    async def check(self, uri: str) -> None:
        """Publishes what is wrong with a document, once it has not changed for a moment. A newer check replaces this one."""
        this = self._checks[uri] = object()
        await asyncio.sleep(DELAY)
        found = await self.answer(uri, diagnostics_of) if self._checks.get(uri) is this else None
        if found is not None and self._checks.get(uri) is this:
            self.publish(uri, found)

    def forget(self, uri: str) -> None:
        """Withdraws what was published about a document."""
        if self._checks.pop(uri, None):
            self.publish(uri, [])

    def publish(self, uri: str, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    @property
    def takes_snippets(self) -> bool:
        """Returns True if the editor can fill in snippets."""
        document = self.client_capabilities.text_document
        item = document.completion.completion_item if document and document.completion else None
        return bool(item and item.snippet_support)


def make_server(names: Collection[str]) -> EditorServer:
    """Returns a server for documents with these file names. `start_io` runs it."""
    server = EditorServer(names)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        await server.check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        await server.check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await server.answer(params.text_document.uri, lambda document: hover_at(document, params.position))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: types.DefinitionParams) -> types.Location | None:
        return await server.answer(params.text_document.uri, lambda document: definition_at(document, params.position))

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=TRIGGERS))
    async def completion(params: types.CompletionParams) -> list[types.CompletionItem] | None:
        snippets = server.takes_snippets
        return await server.answer(params.text_document.uri, lambda document: completions_at(document, params.position, snippets))

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    async def lenses(params: types.CodeLensParams) -> list[types.CodeLens] | None:
        return await server.answer(params.text_document.uri, lenses_of)

    return server
