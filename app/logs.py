"""Logs: JSON objects, one per line, on standard error, with the request's id. No personal data or query strings."""

import logging
import sys
from typing import Any

import orjson
import structlog


def configure_logs(level: str) -> None:
    """Called once per process, by the command line. Libraries' log lines get the same format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    minimum = logging.getLevelNamesMapping()[level.upper()]
    renderer = structlog.processors.JSONRenderer(serializer=_dumps)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(minimum, logging.INFO), force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # otherwise it logs at every check of the schema
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its warnings repeat what clients sent


def _dumps(line: dict[str, Any], **_options: Any) -> str:
    return orjson.dumps(line, default=str).decode()
