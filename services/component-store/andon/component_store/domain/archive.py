"""An archive that is the same, to the byte, for the same files."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping

import xxhash

from andon.contracts.component import ManifestFile


def total_hash(files: Iterable[ManifestFile]) -> str:
    """XXH3-64 over paths and identities, in order of the paths."""
    lines = sorted(f"{file.path} {file.sha256}\n" for file in files)
    return xxhash.xxh3_64_hexdigest("".join(lines).encode())


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz of contents by path: in order, without times, owners or anything of this machine."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size = len(files[path])
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(files[path]))
    return gzip.compress(plain.getvalue(), mtime=0)
