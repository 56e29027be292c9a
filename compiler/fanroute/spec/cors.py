"""Which pages of other origins may read what the edge answers: `cors`."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from fanroute.spec.base import Model
from fanroute.spec.origins import Origins
from fanroute.spec.types import HeaderName, MaxAge, as_list

HeaderNames = Annotated[list[HeaderName], BeforeValidator(as_list)]


class Cors(Model):
    """Which pages of other origins may read the answer; their preflight requests are answered at the edge."""

    origins: Origins
    """Where the pages come from: origins as `https://chat.example.com`, with `*.` for all hosts that end so; or `"*"`, any."""
    headers: HeaderNames = Field(default_factory=list)
    """Headers that their requests may have, besides those that any page's may; or `"*"`, any but `Authorization`."""
    credentials: bool = False
    """Whether their requests may carry cookies and other credentials."""
    max_age: MaxAge | None = None
    """How long a browser may keep the answer to a preflight request; 5 s if not given, a day at most."""
    expose: HeaderNames = Field(default_factory=list)
    """Headers of the answer that they may read, besides those that any page may; or `"*"`, any."""
    backend_answers: bool = False
    """For a `forward`: these pages may also read the backend's answers. The edge's CORS headers replace the backend's."""
