"""The paths of ingestion, which any web page may call and analytics clients know, of probes, and of the screen."""

MESSAGE_PATHS = {
    "track": "track",
    "t": "track",
    "identify": "identify",
    "i": "identify",
    "page": "page",
    "p": "page",
    "screen": "screen",
    "s": "screen",
    "group": "group",
    "g": "group",
    "alias": "alias",
    "a": "alias",
}
"""The last part of each path that takes a single message, and the type that it implies."""

BATCH_PATHS = ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")
METRICS_PATH = "/v1/m"
SOURCE_CONFIG_PATH = "/sourceConfig"
CHALLENGE_PATH = "/v1/challenge"
PROBES = frozenset({"/livez", "/readyz", "/metrics"})

_EXACT = {*(f"/v1/{name}" for name in MESSAGE_PATHS), *BATCH_PATHS, METRICS_PATH, SOURCE_CONFIG_PATH, CHALLENGE_PATH}


def without_last_slash(path: str) -> str:
    """The path, without a trailing slash if it is one of ingestion."""
    bare = path.removesuffix("/")
    return bare if is_ingestion(bare) else path


def is_ingestion(path: str) -> bool:
    return path in _EXACT or path.startswith(("/v1/forms/", "/v1/projects/"))


def is_screen(path: str) -> bool:
    return path == "/ui" or path.startswith("/ui/")
