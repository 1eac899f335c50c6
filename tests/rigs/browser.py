"""A real browser, and what every page is held to: no foreign requests, no faults of accessibility, fits a phone."""

import hashlib
import io
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

AXE_VERSION: Final = "4.14.1"
_AXE_SHA256: Final = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""Of axe.min.js in that version: what runs in the test browser is what was looked at."""

_CACHE: Final = Path(__file__).parents[2] / "build" / "axe-core" / AXE_VERSION / "axe.min.js"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

DESKTOP: Final = (1280, 900)
PHONE: Final = (360, 740)
"""The narrowest screen in common use (WCAG 2.2, 1.4.10 asks for 320 at least; tested too)."""
NARROWEST: Final = (320, 640)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a running Chromium; skip the test where none is installed."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
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


def axe() -> str:
    """Return the source of axe-core; skip the test where it cannot be had."""
    if not _CACHE.exists():
        _fetch_axe()
    source = _CACHE.read_bytes()
    assert hashlib.sha256(source).hexdigest() == _AXE_SHA256, f"{_CACHE} is not axe-core {AXE_VERSION}; remove it"
    return source.decode()


def _fetch_axe() -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs axe-core, which npm fetches")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"axe-core@{AXE_VERSION}", "--silent"]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60).returncode != 0:  # noqa: S603 - fixed words
            pytest.skip("needs axe-core, which npm could not fetch")
        _unpack(next(Path(folder).glob("*.tgz")).read_bytes())


def _unpack(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        script = package.extractfile("package/axe.min.js")
        assert script is not None
        _CACHE.parent.mkdir(parents=True, exist_ok=True)
        _CACHE.write_bytes(script.read())


def accessibility_faults(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page as it stands: rule and place."""
    page.evaluate(axe())
    found: dict[str, list[dict[str, object]]] = page.evaluate(
        "rules => axe.run({runOnly: rules}).then(r => ({violations: r.violations.map("
        "v => ({id: v.id, at: v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary)}))}))",
        _RULES,
    )
    return [f"{fault['id']} at {fault['at']}" for fault in found["violations"]]
