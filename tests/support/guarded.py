"""Makes a route of the repository's routes.yaml require a token."""

STREAM = "    stream: {channel: test}\n"


def guarded(text: str) -> str:
    """Returns the text with `auth` for the route test-stream."""
    assert STREAM in text
    return text.replace(STREAM, f"{STREAM}    auth: {{keys: {{algorithm: HS256, secret_store: keys, name: login}}}}\n")
