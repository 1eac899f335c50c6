"""A real browser, and what every page is held to: no foreign requests, no faults of accessibility, fits a phone."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Final

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from tests.rigs.parts import program

_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

_AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

DESKTOP: Final = (1280, 900)
PHONE: Final = (360, 740)
"""The narrowest screen in common use (WCAG 2.2, 1.4.10 asks for 320 at least; tested too)."""
NARROWEST: Final = (320, 640)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a running Chromium; the test is left out where none is installed."""
    executable = program("chromium", "pages as people meet them")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        yield browser
        browser.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve `app` on a port of its own and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@contextmanager
def page_of(browser: Browser, size: tuple[int, int], *, language: str = "en-GB", dark: bool = False) -> Iterator[Page]:
    """Give a fresh page; the test fails if it asks any other host for anything or logs an error."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale=language, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:"))] == []
    assert told == []


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def accessibility_faults(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page as it stands: rule and place."""
    page.evaluate(_AXE)
    found: dict[str, list[dict[str, object]]] = page.evaluate(
        "rules => axe.run({runOnly: rules}).then(r => ({violations: r.violations.map("
        "v => ({id: v.id, at: v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary)}))}))",
        _RULES,
    )
    return [f"{fault['id']} at {fault['at']}" for fault in found["violations"]]
