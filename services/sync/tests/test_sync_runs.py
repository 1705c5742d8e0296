"""Long runs of text stay packed in the store, and nobody who reads them sees it."""

import pytest
import xxhash
import zstandard
from sync_line import Line, sha

from andon.contracts import BadRequest, sync
from andon.contracts.sync import RUN_BYTES, Outcome

LOG = "logs/train.log"


def text(size: int, seed: int = 0) -> bytes:
    lines = (
        f"step {number} loss {number * 7919 % 10_007}\n" for number in range(seed, seed + size // 15 + 1)
    )
    return "".join(lines).encode()[:size]


async def located(line: Line) -> sync.Located:
    return await line.bus.ask(sync.LOCATE, sync.Locate(uid="20261121_4f2a", path=LOG), timeout=20)


async def test_a_run_of_text_takes_as_little_room_as_it_took_on_its_way(line: Line):
    first, second = text(RUN_BYTES), text(300_000, 7)
    await line.chunk(LOG, first, packed=True)
    stored = await line.chunk(LOG, second, len(first), packed=True)
    assert (stored.size, stored.sha256) == (RUN_BYTES + 300_000, sha(first + second))
    found = await located(line)
    assert [each.packed for each in found.pieces] == [True, True]
    assert sum([len(await line.blobs.get(each.key)) for each in found.pieces]) < stored.size / 2


async def test_a_packed_run_is_read_in_any_part(line: Line):
    whole = text(RUN_BYTES) + text(300_000, 7)
    await line.chunk(LOG, whole[:RUN_BYTES], packed=True)
    await line.chunk(LOG, whole[RUN_BYTES:], RUN_BYTES, packed=True)
    assert await line.read(LOG) == whole
    assert await line.read(LOG, tail=300_100) == whole[-300_100:]
    assert await line.read(LOG, offset=5_000_001) == whole[5_000_001:]


async def test_a_packed_run_again_changes_nothing_and_another_one_is_sent_back(line: Line):
    run = text(500_000)
    await line.chunk(LOG, run, packed=True)
    for packed in (True, False):
        assert (await line.chunk(LOG, run, packed=packed)).outcome is Outcome.REPEATED
    assert (await line.chunk(LOG, run[1000:200_000], 1000, packed=True)).outcome is Outcome.REPEATED
    other = await line.chunk(LOG, text(500_000, 3), packed=True)
    assert (other.outcome, other.size) == (Outcome.REWIND, 500_000)
    more = run + text(400_000, 9)
    stored = await line.chunk(LOG, more[250_000:], 250_000, packed=True)
    assert (stored.outcome, stored.sha256) == (Outcome.STORED, sha(more))
    assert await line.read(LOG) == more


async def test_what_would_hardly_be_smaller_is_kept_as_it_is(line: Line):
    run = bytes(range(256)) * 4
    await line.chunk(LOG, run, packed=True)
    assert not (await located(line)).pieces[0].packed


async def test_a_whole_file_s_blocks_are_kept_as_they_are(line: Line):
    new = text(1 << 20)
    begun = await line.begin("table.txt", new, 65_536)
    await line.chunk("table.txt", new, generation=begun.generation, packed=True)
    assert await line.read("table.txt", offset=70_000) == new[70_000:]
    edited = new[:99] + b"EDIT" + new[103:]
    assert await line.replace("table.txt", edited, 65_536) == 1
    assert await line.read("table.txt") == edited


async def test_a_sender_can_not_ask_for_more_memory_than_a_run_takes(line: Line):
    run = text(500_000)
    huge = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=huge).compressobj()
    body = packer.compress(run) + packer.flush()
    with pytest.raises(BadRequest, match="zstd"):
        await line.chunk(LOG, run, packed=True, body=body)
    run = text(RUN_BYTES + 1)
    wish = {"uid": "u", "path": "a", "generation": 1, "offset": 0, "length": len(run), "writer": "w"}
    with pytest.raises(ValueError, match="length"):
        sync.StoreChunk.model_validate({**wish, "hash": xxhash.xxh3_64_hexdigest(run)})
