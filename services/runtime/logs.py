"""Logs: one JSON object a line, closed keys, no personal data.

What is logged is written by us and carries none. This module is the last line of defence: keys outside the closed set
are left out, text that looks like an identity code, an address, a client reference or a secret is masked, and of an
exception only its class and its places are told, because its message may quote what was sent.
"""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

KEYS: Final = frozenset({
    "timestamp", "level", "service", "event", "logger",
    # what went wrong, and where in the code
    "error", "where", "reason", "code", "left_out",
    # where in the log and in the store
    "topic", "partition", "offset", "group", "seq", "first_seq", "last_seq", "schema", "migration", "channel",
    "cluster",
    # which part of the work
    "authority", "source", "sender", "type", "kind", "rule", "scheme", "step", "month", "day", "as_of", "file", "line",
    "status", "outcome", "id", "method", "route", "task", "check", "version", "url", "port", "role",
    # how much and how long
    "count", "records", "facts", "clients", "bytes", "attempt", "limit", "seconds",
})  # fmt: skip
"""The keys a log line may have: none for a client, a name or a value that a sender wrote; `id` is one that we made."""

LONGEST: Final = 500
"""Longer texts are cut: a log line is read by people, and what is long is mostly a quotation."""

MASK: Final = "[masked]"

_PERSONAL: Final = re.compile(
    r"""
      \d{6}[-+a-fu-y]\d{3}[0-9a-y]           # a personal identity code
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+           # an e-mail address
    | \bc\d+-[a-z2-7]{26}\b                  # a client reference
    | (?<=bearer\s)\S+                       # a token
    | (?<=://)[^/@\s]+(?=@)                  # user and password within an address
    """,
    re.VERBOSE | re.IGNORECASE,
)

_NOISY: Final = ("uvicorn.access", "httpx", "httpcore", "aiokafka", "faststream")
"""Told from warnings on: their everyday lines repeat what the metrics count, and some quote addresses in full."""

_OWN_HANDLERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "faststream", "faststream.access", "aiokafka")

Loggable = str | int | float | bool | None | list[str]


def masked(text: str) -> str:
    """Return `text` cut to a readable length, with everything masked that looks personal or secret."""
    return _PERSONAL.sub(MASK, text[: 4 * LONGEST])[:LONGEST]


def _loggable(value: object) -> Loggable:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(str(each)) for each in cast("Iterable[object]", value)]
    return masked(str(value))


def _places(error: BaseException) -> list[str]:
    places = []
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return places[-8:]  # where it arose; the way there is mostly the framework's


def _without_message(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    told: object = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["where"] = _places(error)
    return event


def _of_service(service: str, event: MutableMapping[str, object]) -> object:
    # In embedded mode one process is all services; the line itself or its logger's name says which one speaks.
    if "service" in event:
        return event["service"]
    package, _, room = str(event.get("logger", "")).partition(".")
    return room.partition(".")[0] if package in {"services", "askelma"} and room else service


class _Closed:
    """The last processor before rendering: closed keys, masked values."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.pop("_record", None)
        event.pop("_from_structlog", None)
        event["service"] = _of_service(self._service, event)
        line: EventDict = {key: _loggable(event[key]) for key in ("timestamp", "level", "service", "event")}
        line.update({key: _loggable(value) for key, value in event.items() if key in KEYS and key not in line})
        if left_out := len(event.keys() - KEYS):
            line["left_out"] = left_out
        return line


def _first_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    # Libraries write one line of what happened, then quote: asyncio the failed task with its exception's text.
    event["event"] = str(event["event"]).partition("\n")[0]
    return event


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs of this process, those of libraries too, to `stream` (standard output) as JSON lines.

    `service` stands on every line, unless the logger's name (`askelma.<service>`) says another. May be called again.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _first_line],
            processors=[_without_message, _Closed(service), structlog.processors.JSONRenderer(ensure_ascii=False)],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    _route_all_to(handler, level)


def _route_all_to(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _OWN_HANDLERS:
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_of(service: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a service or room: `log_of("ingest").info("what happened", count=3)`; keys from KEYS."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"askelma.{service}")
    return logger
