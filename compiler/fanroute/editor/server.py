"""The language server: which requests of an editor it answers, and when it checks a file.

It runs nothing and writes nothing. It reads only a routes.yaml beside or above an open file, in the folders that the editor has
open, and the files that such a routes.yaml names, within its folder.
Source: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
from fanroute.editor.document import Document, open_document
from fanroute.editor.hover import hover_at
from fanroute.editor.lenses import lenses_of

# A file is checked when nobody has typed in it for so long, in seconds.
DELAY = 0.2

Answer = TypeVar("Answer")


class EditorServer(LanguageServer):
    """Serves files of routes, which have one of some names, the files that they include, and their route tests.

    It leaves the editor's other documents alone.
    """

    def __init__(self, names: Sequence[str]) -> None:
        # Whole texts: pygls applies changes by Python's line breaks, which are not the protocol's.
        super().__init__("fanroute", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self._names = names
        # One for what the user waits for, and one for checks. No request starts a thread of its own.
        self._workers = ThreadPoolExecutor(2)
        self._checks: dict[str, object] = {}
        # The routes.yaml to which each checked document belongs.
        self._roots: dict[str, Path] = {}

    def opener(self, uri: str) -> Callable[[], Document | None]:
        """Returns a function for another thread that returns an open document which is served, None for any other."""
        texts = {document.uri: document.source for document in self.workspace.text_documents.values()}
        opened = self.workspace.text_documents.get(unquote(uri))
        folders = [path for folder in self.workspace.folders.values() if (path := to_fs_path(folder.uri))]
        folders += [self.workspace.root_path] if self.workspace.root_path and not folders else []
        encoding = self.workspace.position_encoding or "utf-16"
        return partial(open_document, opened.uri if opened else uri, texts, encoding, self._names, [*map(Path, folders)])

    async def answer(self, uri: str, function: Callable[[Document], Answer]) -> Answer | None:
        """Calls a function with a document in another thread. Returns None for a document that is not served.

        Raises JsonRpcInternalError for an unexpected exception. Its message names the exception's type only.
        """
        find = self.opener(uri)

        def call() -> Answer | None:
            document = find()
            return None if document is None else function(document)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._workers, call)
        except Exception as error:
            raise JsonRpcInternalError(f"fanroute lsp has a fault: {type(error).__name__}") from error

    async def check(self, uri: str, others: bool = True) -> None:
        """Publishes what is wrong with a document, once it has not changed for a moment. A newer check replaces this one.

        With `others`, it then checks the other open documents of the same routes.yaml, because their faults can depend on this
        one.
        """
        this = self._checks[uri] = object()
        await asyncio.sleep(DELAY)
        if self._checks.get(uri) is not this:
            return
        found = await self.answer(uri, lambda document: (document.root, diagnostics_of(document)))
        if self._checks.get(uri) is not this:
            return
        if found is not None:
            self._roots[uri] = found[0]
            self.publish(uri, found[1])
        elif self._roots.pop(uri, None):  # it is not included any more
            self.publish(uri, [])
        if others:
            await self.check_others(uri, found and found[0])

    async def check_others(self, uri: str, root: Path | None) -> None:
        """Checks the open documents, but one, that belong to a routes.yaml or have not belonged to any."""
        opened = [document.uri for document in self.workspace.text_documents.values() if document.uri != uri]
        same = [other for other in opened if root and self._roots.get(other, root) == root]
        await asyncio.gather(*(self.check(other, others=False) for other in same))

    async def forget(self, uri: str) -> None:
        """Withdraws what was published about a document that is closed."""
        root = self._roots.pop(uri, None)
        if self._checks.pop(uri, None):
            self.publish(uri, [])
        await self.check_others(uri, root)

    def publish(self, uri: str, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    @property
    def takes_snippets(self) -> bool:
        """Returns True if the editor can fill in snippets."""
        document = self.client_capabilities.text_document
        item = document.completion.completion_item if document and document.completion else None
        return bool(item and item.snippet_support)


def make_server(names: Sequence[str]) -> EditorServer:
    """Returns a server for documents with these file names. `start_io` runs it."""
    server = EditorServer(names)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        await server.check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        await server.check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        await server.forget(params.text_document.uri)

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
