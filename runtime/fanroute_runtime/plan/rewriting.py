"""Defines the changes of paths and queries for backends in the Plan. It ships only if a route makes some."""

from fanroute_runtime.plan import Template, record


@record
class Rewrite:
    """Changes the path and query with which a backend gets a request.

    `path` replaces the first `strip` segments of the path, or all of it if that is None. The query loses the parameters of
    `remove_query`, and gets those of `set_query` in place of what it has under their names. Values of the request are
    percent-encoded.
    """

    path: Template = ()
    strip: int | None = 0
    set_query: tuple[tuple[str, Template], ...] = ()
    remove_query: tuple[str, ...] = ()
