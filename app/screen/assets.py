"""Static files, under a path that changes with their contents, so that browsers keep them for good."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2"}
"""What is served. Licences and the like only lie beside it."""


@cache
def files() -> dict[str, Path]:
    """What is served, by its path in the folder."""
    found = sorted(path for path in FOLDER.rglob("*") if path.suffix in MEDIA_TYPES)
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


@cache
def digest() -> str:
    """Changes whenever any file does."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in files().values())).hexdigest()[:16]
