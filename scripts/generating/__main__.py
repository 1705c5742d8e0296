"""The command: write what is generated, or check that it is fresh."""

import argparse
import json
import sys
from pathlib import Path

from generating import COMMAND, ROOT, asyncapi, lock, openapi, permissions, schemas, service_map


def documents() -> dict[str, str]:
    """Every generated file's text by its path in the repository."""
    return {
        **schemas.documents(),
        **asyncapi.documents(),
        **openapi.documents(),
        **service_map.documents(),
        **permissions.documents(),
    }


def stale(root: Path) -> list[str]:
    """Paths of generated files that are missing, differ or are no longer generated."""
    wanted = documents()
    differ = [path for path, text in wanted.items() if _text(root / path) != text]
    gone = [str(file.relative_to(root)) for file in (root / schemas.FOLDER).glob("*.json")]
    return sorted(differ + [path for path in gone if path not in wanted])


def broken(root: Path) -> list[str]:
    """What the contracts as they are would break in the schemas as they are written; one line each."""
    lines = list[str]()
    for path, text in schemas.documents().items():
        if before := _text(root / path):
            found = schemas.breaks(json.loads(before), json.loads(text))
            lines += [f"{Path(path).name.removesuffix('.json')}: {line}" for line in found]
    return lines


def _text(file: Path) -> str | None:
    return file.read_text() if file.is_file() else None


def _write(root: Path) -> int:
    changed = stale(root)
    wanted = documents()
    for path in changed:
        if path in wanted:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(wanted[path])
        else:
            (root / path).unlink()
        print(f"{'wrote' if path in wanted else 'removed'} {path}")
    print(f"{len(wanted)} generated files, {len(changed)} changed")
    return 0


def _check(root: Path) -> int:
    problems = [f"{path} is stale: run {COMMAND}" for path in stale(root)]
    if not lock.is_fresh(root):
        problems.append(f"{lock.PATH} is not of these pyproject files: run {COMMAND} --lock")
    print("\n".join(problems) or "everything generated is fresh")
    return bool(problems)


def main() -> int:
    """Parse the arguments and do it; gives the exit status."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is stale")
    parser.add_argument(
        "--lock", action="store_true", help=f"resolve {lock.PATH} anew (asks the package index)"
    )
    parser.add_argument("--break", dest="broken", action="store_true", help="let schemas change incompatibly")
    wanted = parser.parse_args()
    if not wanted.broken and (lines := broken(ROOT)):
        print("These changes would surprise who knows the schema; make a new version of the subject instead")
        print(f"(or, where nobody can know it yet, {COMMAND} --break):")
        print("\n".join(f"  {line}" for line in lines))
        return 1
    if wanted.check:
        return _check(ROOT)
    if wanted.lock:
        lock.write(ROOT)
        print(f"wrote {lock.PATH}")
    return _write(ROOT)


if __name__ == "__main__":
    sys.exit(main())
