"""`make vendor`: copies what the screen takes from others into app/screen, with licences and hashes.

Run it after `npm ci --prefix vendor`. The icons in icons.txt become one sprite, which each page holds.
"""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
SCREEN = HERE.parent / "app" / "screen"
STATIC = SCREEN / "static"
VENDOR = STATIC / "vendor"
SPRITE = SCREEN / "templates" / "icons.svg"

FILES = {
    STATIC / "inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    VENDOR / "htmx.min.js": "htmx.org/dist/htmx.min.js",
}
"""Where each file is copied to; the first part of its path names its package."""

BUNDLE = VENDOR / "codemirror.min.js"
"""editor.js with all that it imports, by esbuild."""

HATCH = (
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="5" class="hatch"/></pattern>'
)
SHAPES = re.compile(r"<svg.*?>(.*)</svg>", re.DOTALL)


def package_of(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[: 2 if path.startswith("@") else 1])


def symbol(name: str) -> str:
    """An icon as a symbol. The viewBox is that of all of lucide's icons."""
    found = SHAPES.search((PACKAGES / "lucide-static" / "icons" / f"{name}.svg").read_text())
    if found is None:
        msg = f"lucide has no icon {name}"
        raise SystemExit(msg)
    shapes = " ".join(line.strip() for line in found[1].strip().splitlines())
    return f'<symbol id="i-{name}" viewBox="0 0 24 24">{shapes}</symbol>'


def bundle() -> dict[str, str]:
    """Write the bundle, and all its licences in one file. Returns its entry, with the packages that it holds."""
    about = HERE / "node_modules" / "bundle.json"
    options = ("--bundle", "--minify", "--format=esm", f"--outfile={BUNDLE}", f"--metafile={about}")
    subprocess.run([PACKAGES / ".bin" / "esbuild", "editor.js", *options, "--log-level=warning"], cwd=HERE, check=True)
    inputs = [path.removeprefix("node_modules/") for path in json.loads(about.read_text())["inputs"]]
    packages = sorted({package_of(path) for path in inputs if path != "editor.js"})
    texts = [f"{package}\n\n{(PACKAGES / package / 'LICENSE').read_text()}" for package in packages]
    licence = VENDOR / "codemirror.LICENSE"
    licence.write_text("\n\n".join(texts))
    return entry(BUNDLE, "codemirror", licence) | {"with": ", ".join(map(versioned, packages))}


def versioned(package: str) -> str:
    return f"{package} {json.loads((PACKAGES / package / 'package.json').read_text())['version']}"


def sprite() -> str:
    symbols = "\n".join(map(symbol, (HERE / "icons.txt").read_text().split()))
    return f'<svg width="0" height="0" class="sr" aria-hidden="true"><defs>{HATCH}</defs>\n{symbols}\n</svg>\n'


def entry(path: Path, package: str, licence: Path) -> dict[str, str]:
    """Where a file is from, under which licence, and its hash."""
    return {
        "file": path.relative_to(SCREEN).as_posix(),
        "package": package,
        "version": json.loads((PACKAGES / package / "package.json").read_text())["version"],
        "licence": licence.relative_to(SCREEN).as_posix(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def entries() -> Iterator[dict[str, str]]:
    sources = {**{path: package_of(source) for path, source in FILES.items()}, SPRITE: "lucide-static"}
    for path, package in sources.items():
        licence = VENDOR / f"{package.split('/')[-1]}.LICENSE"
        shutil.copyfile(PACKAGES / package / "LICENSE", licence)
        yield entry(path, package, licence)


def main() -> None:
    for path, source in FILES.items():
        shutil.copyfile(PACKAGES / source, path)
    SPRITE.write_text(sprite())
    (VENDOR / "files.json").write_text(json.dumps([*entries(), bundle()], indent=2) + "\n")


if __name__ == "__main__":
    main()
