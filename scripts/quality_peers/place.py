"""The peers' own Python: none of it is part of Andon."""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "scripts" / "quality-peers.lock"
PLACE = ROOT / ".venv-quality-peers"


def python() -> Path:
    """Its interpreter; installs the lock, 1.8 GB, where it is not. Raises SystemExit where that fails."""
    found, stamp = PLACE / "bin" / "python", PLACE / ".setup"
    wanted = hashlib.sha256(LOCK.read_bytes() + str(PLACE).encode()).hexdigest()
    if found.exists() and stamp.exists() and stamp.read_text() == wanted:
        return found
    print("installing anomalib and torch into .venv-quality-peers", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PLACE)], check=True)
    install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    if subprocess.run([*install, "--require-hashes", "-r", str(LOCK)], check=False).returncode:
        raise SystemExit(
            "the peers did not install; for Linux name pip a place that has torch's build for processors "
            "(PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS)"
        )
    stamp.write_text(wanted)
    return found
