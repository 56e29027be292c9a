"""Defines `paths`: which paths the edge refuses because other servers may read them differently."""

from typing import Literal

from fanroute.spec.base import Model

Choice = Literal["reject", "keep"]


class Paths(Model):
    """Paths that Fanout or your backends may read differently than the edge.

    With `reject` such a request gets a 400 before any route is tried. With `keep` the path is matched as it is.
    """

    dot_segments: Choice = "reject"
    """A segment `.` or `..`, alone or before a `;`. Many servers resolve it, and so does Fanout."""
    backslashes: Choice = "reject"
    """A backslash. Some servers read it as a slash."""
    controls: Choice = "reject"
    """A control character of ASCII: a byte below 0x20, or 0x7F. Some servers end a path there."""
    empty_segments: Choice = "keep"
    """Two slashes in a row, not encoded. Some servers read them as one."""
    encoded_slashes: Choice = "keep"
    """`%2F`. Some servers read it as a slash between two segments."""
    parameters: Choice = "keep"
    """A `;`. Some servers ignore the rest of the segment."""
