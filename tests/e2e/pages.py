"""Looks at pages as people do: on small and large screens, in both themes, and with a screen reader or a keyboard."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.browser import Browser

SIZES = [(360, 740), (768, 1024), (1280, 800)]
THEMES = ["light", "dark"]


def check_page(browser: Browser, axe: str) -> None:
    """Checks that nothing is wider than the window, and that axe-core finds nothing serious."""
    beyond, wide = browser.run("""
        const limit = document.documentElement.clientWidth;
        const isWide = (node) => node.getBoundingClientRect().right > limit + 1;
        const all = [...document.querySelectorAll("body *")];
        const wide = all.filter((node) => isWide(node) && !node.closest("pre, .hidden, .skip, thead"));
        return [document.documentElement.scrollWidth - limit, wide.map((node) => node.outerHTML.slice(0, 80))];
    """)
    assert beyond <= 0 and not wide, (beyond, wide)
    found = browser.run(f"{axe}\nreturn (await axe.run()).violations;")
    serious = [
        f"{one['id']}: {node['html']}" for one in found if one["impact"] in ("serious", "critical") for node in one["nodes"]
    ]
    assert not serious, serious


@contextmanager
def emulated(browser: Browser, size: tuple[int, int], theme: str) -> Iterator[None]:
    """Gives the window a size and a theme as long as the context lasts."""
    width, height = size
    browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    try:
        yield
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")
        browser.devtools("Emulation.setEmulatedMedia", features=[])


def screenshot(browser: Browser) -> bytes:
    """Returns the whole page as a PNG."""
    found = browser.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True)
    return base64.b64decode(found["data"])
