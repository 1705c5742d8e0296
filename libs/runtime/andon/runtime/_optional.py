"""Packages too large for the lock, in environments of their own beside this one."""

import sys
from importlib.util import find_spec
from pathlib import Path


def optional(package: str) -> Path | None:
    """The folder of packages that holds it: this environment's, or that of `.venv-PACKAGE` in the checkout.

    None where there is neither. Imports nothing.
    """
    known = find_spec(package)
    if known is not None and known.origin is not None:
        return Path(known.origin).parents[1]
    lib = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(sys.prefix).parent / f".venv-{package}" / "lib" / lib / "site-packages"
    return folder if (folder / package / "__init__.py").exists() else None
