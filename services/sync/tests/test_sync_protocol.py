"""A chunk is kept once, where it belongs, or its sender is told where to go on."""

import pytest
import zstandard
from sync_line import UID, Line, sha

from andon.contracts import BadRequest, Conflict, Invalid, NotFound
from andon.contracts.sync import Change, Outcome, SyncStatus
from andon.testing import eventually

LOG = "logs/train.log"


async def test_a_growing_file_is_readable_while_it_grows(line: Line):
    first = await line.chunk(LOG, b"epoch 1\n")
    assert (first.outcome, first.generation, first.size) == (Outcome.STORED, 1, 8)
    second = await line.chunk(LOG, b"epoch 2\n", 8, packed=True)
    assert (second.size, second.sha256) == (16, sha(b"epoch 1\nepoch 2\n"))
    assert await line.read(LOG) == b"epoch 1\nepoch 2\n"
    assert await line.read(LOG, tail=3) == b" 2\n"
    assert await line.read(LOG, offset=6) == b"1\nepoch 2\n"


async def test_the_same_bytes_again_change_nothing(line: Line):
    await line.chunk(LOG, b"epoch 1\n")
    await line.chunk(LOG, b"epoch 2\n", 8)
    for data, offset in ((b"epoch 1\n", 0), (b"epoch 2\n", 8), (b"h 1\nep", 4), (b"", 16)):
        assert (await line.chunk(LOG, data, offset)).outcome is Outcome.REPEATED
    assert await line.read(LOG) == b"epoch 1\nepoch 2\n"


async def test_a_chunk_that_overlaps_adds_what_is_new(line: Line):
    await line.chunk(LOG, b"epoch 1\n")
    stored = await line.chunk(LOG, b"1\nepoch 2\n", 6)
    assert (stored.outcome, stored.size) == (Outcome.STORED, 16)
    assert await line.read(LOG) == b"epoch 1\nepoch 2\n"


@pytest.mark.parametrize(
    ("data", "offset", "generation"),
    [(b"later", 100, 1), (b"other 1\n", 0, 1), (b"1\nother", 6, 1), (b"more", 8, 7)],
)
async def test_a_chunk_that_does_not_fit_is_told_where_to_go_on(line, data, offset, generation):
    await line.chunk(LOG, b"epoch one\n")
    told = await line.chunk(LOG, data, offset, generation=generation)
    assert (told.outcome, told.generation, told.size) == (Outcome.REWIND, 1, 10)
    assert told.sha256 == sha(b"epoch one\n")
    assert await line.read(LOG) == b"epoch one\n"


async def test_a_first_chunk_that_is_not_the_beginning_is_sent_back_to_it(line: Line):
    told = await line.chunk(LOG, b"later", 5)
    assert (told.outcome, told.generation, told.size) == (Outcome.REWIND, 0, 0)
    assert await line.state() == {}


async def test_a_new_generation_is_seen_when_it_is_whole(line: Line):
    await line.chunk(LOG, b"old" * 2000)
    new = b"new" * 3000
    begun = await line.begin(LOG, new)
    assert (begun.generation, begun.missing) == (2, (0, 1, 2))
    for number in (2, 0):
        stored = await line.chunk(LOG, new[number * 4096 :][:4096], number * 4096, generation=2)
        assert not stored.complete
    assert await line.read(LOG) == b"old" * 2000
    stored = await line.chunk(LOG, new[4096:8192], 4096, generation=2)
    assert (stored.complete, stored.generation, stored.size) == (True, 2, 9000)
    assert await line.read(LOG) == new
    grown = await line.chunk(LOG, b"more", 9000, generation=2)
    assert grown.size == 9004
    assert (await line.state(LOG))[LOG].sha256 == sha(new + b"more")


async def test_an_edit_in_the_middle_sends_the_block_it_touched(line: Line):
    old = b"".join(bytes([number]) * 4096 for number in range(32))
    assert await line.replace("model.pt", old) == 32
    new = old[:50_000] + b"EDIT" + old[50_004:]
    assert await line.replace("model.pt", new) == 1
    assert await line.read("model.pt", limit=1000) == new
    assert await line.replace("model.pt", new) == 0


async def test_garbage_of_replaced_files_is_deleted_and_what_is_used_stays(line: Line):
    old = bytes(range(256)) * 64
    blocks = b"".join(bytes([number]) * 4096 for number in range(4))
    await line.replace("model.pt", old + b"old")
    await line.replace("model.pt", blocks)
    new = blocks[:4096] + b"x" * 4096 + blocks[8192:]
    await line.replace("model.pt", new)

    async def tidy():
        return len(await line.blobs.list("sync/files/")) == 4

    await eventually(tidy)
    assert await line.read("model.pt") == new


async def test_a_block_that_was_not_announced_is_refused(line: Line):
    begun = await line.begin("model.pt", b"a" * 5000)
    with pytest.raises(BadRequest, match="block 0"):
        await line.chunk("model.pt", b"b" * 4096, 0, generation=begun.generation)
    with pytest.raises(BadRequest, match="blocks of 4096"):
        await line.chunk("model.pt", b"a" * 100, 0, generation=begun.generation)
    with pytest.raises(Invalid, match="blocks"):
        await line.begin("model.pt", b"a" * 5000, blocks=())


async def test_one_writer_at_a_time(line: Line):
    await line.chunk(LOG, b"epoch 1\n")
    with pytest.raises(Conflict, match="being written by edge-1"):
        await line.chunk(LOG, b"epoch 2\n", 8, writer="edge-2")
    with pytest.raises(Conflict, match="being written by edge-1"):
        await line.begin(LOG, b"mine", writer="edge-2")
    assert (await line.pack({LOG: b"mine"}, writer="edge-2")).refused.keys() == {LOG}
    assert await line.read(LOG) == b"epoch 1\n"


@pytest.mark.parametrize(
    "path", ["../x", "a/../x", "/etc/passwd", "a//b", "a\\b", "C:/x", "a\nb", "a/./b", "x" * 300, "a/"]
)
async def test_a_path_that_leaves_its_folder_is_refused(line, path):
    with pytest.raises(Invalid, match="path"):
        await line.chunk(path, b"x")
    with pytest.raises(Invalid, match="path"):
        await line.begin(path, b"x")
    assert (await line.pack({path: b"x", "good": b"y"})).refused.keys() == {path}
    assert (await line.state()).keys() == {"good"}


async def test_every_spelling_of_a_name_is_one_file(line: Line):
    await line.chunk("caf\u00e9.log", b"one\n")
    stored = await line.chunk("cafe\u0301.log", b"two\n", 4)
    assert stored.size == 8
    assert (await line.state()).keys() == {"caf\u00e9.log"}


async def test_bytes_that_are_not_what_was_announced_are_refused(line: Line):
    with pytest.raises(BadRequest, match="XXH3"):
        await line.chunk(LOG, b"epoch 1\n", hash="0" * 16)
    with pytest.raises(BadRequest, match="length"):
        await line.chunk(LOG, b"epoch 1\n", length=7)
    with pytest.raises(BadRequest, match="zstd"):
        await line.chunk(LOG, b"epoch 1\n", packed=True, body=b"nonsense")
    bomb = zstandard.compress(bytes(64 << 20))
    with pytest.raises(BadRequest, match="length"):
        await line.chunk(LOG, b"epoch 1\n", packed=True, body=bomb)
    with pytest.raises(NotFound):
        await line.state()


async def test_small_files_come_in_packs(line: Line):
    files = {f"runs/{number}.yaml": f"lr: {number}".encode() for number in range(50)} | {"empty": b""}
    assert (await line.pack(files)).stored == 51
    assert (await line.pack(files)).stored == 51
    assert len(await line.blobs.list("sync/packs/")) == 1
    assert await line.read("runs/7.yaml") == b"lr: 7"
    changed = files | {"runs/7.yaml": b"lr: 70"}
    assert (await line.pack(changed)).stored == 51
    state = await line.state()
    assert state["runs/7.yaml"].generation == 2
    assert await line.read("runs/7.yaml") == b"lr: 70"
    assert (await line.finish(changed)).status is SyncStatus.SYNCED


async def test_many_small_appends_become_few_objects(line: Line):
    text = b""
    for number in range(70):
        data = f"step {number}\n".encode()
        await line.chunk(LOG, data, len(text))
        text += data

    async def few():
        return len(await line.blobs.list("sync/files/")) < 30

    await eventually(few)
    assert await line.read(LOG) == text
    assert (await line.chunk(LOG, b"last\n", len(text))).sha256 == sha(text + b"last\n")


async def test_the_end_compares_all_by_hash(line: Line):
    with pytest.raises(NotFound, match="experiment"):
        await line.finish({LOG: b"epoch 1\n"})
    await line.chunk(LOG, b"epoch 1\n")
    assert (await line.experiment()).status is SyncStatus.SYNCING
    told = await line.finish({LOG: b"epoch 1\n", "absent": b""})
    assert (told.status, told.needs_resync) == (SyncStatus.OUTDATED, ("absent",))
    assert (await line.finish({LOG: b"epoch X\n"})).needs_resync == (LOG,)
    assert (await line.finish({LOG: b"epoch 1\n"})).status is SyncStatus.SYNCED
    done = await line.experiment()
    assert (done.status, done.files) == (SyncStatus.SYNCED, 1)
    await line.chunk(LOG, b"epoch 2\n", 8)
    assert (await line.experiment()).status is SyncStatus.SYNCING


async def test_bytes_that_the_store_lost_are_asked_for_again(line: Line):
    data = b"a" * 9000
    await line.replace("model.pt", data)
    for key in await line.blobs.list("sync/files/"):
        await line.blobs.delete(key)
    told = await line.finish({"model.pt": data})
    assert told.needs_resync == ("model.pt",)
    assert await line.replace("model.pt", data) > 0
    assert await line.read("model.pt") == data
    assert (await line.finish({"model.pt": data})).status is SyncStatus.SYNCED


async def test_every_change_is_said_once_and_text_comes_along(line: Line):
    await line.chunk(LOG, b"epoch 1\n")
    await line.chunk(LOG, b"epoch 1\n")
    await line.chunk(LOG, b"epoch 2\n", 8)
    await line.replace(LOG, b"anew\n")

    async def told():
        return len(await line.said()) == 3

    await eventually(told)
    said = await line.said()
    assert [(each.change, each.offset, each.size, each.text) for each in said] == [
        (Change.GROWN, 0, 8, "epoch 1\n"),
        (Change.GROWN, 8, 16, "epoch 2\n"),
        (Change.REPLACED, 0, 5, None),
    ]
    assert {each.uid for each in said} == {UID}


async def test_a_log_s_first_lines_are_told_as_text_and_a_table_of_settings_is_not(line: Line):
    await line.pack({LOG: b"epoch 1\n", "a.yaml": b"lr: 1"})

    async def told():
        return len(await line.said()) == 2

    await eventually(told)
    assert {each.path: each.text for each in await line.said()} == {LOG: "epoch 1\n", "a.yaml": None}
