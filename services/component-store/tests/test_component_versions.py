"""Versions of components, and the one that is active."""

import asyncio
import hashlib
from itertools import pairwise

import pytest
import xxhash

from andon.contracts import BadRequest, Conflict, Invalid, NotFound, TooLarge, component
from andon.testing import eventually

ONE, TWO, THREE = "a = 1\n", "a = 2\n", "a = 3\n"


async def test_an_upload_is_kept_by_its_content_and_becomes_active(store):
    uploaded = await store.upload("model\\resnet", ONE, why="first")
    version = uploaded.version
    assert uploaded.is_new
    assert version.is_active
    assert (version.path, version.category, version.name) == ("model/resnet.py", "model", "resnet")
    assert version.sha256 == hashlib.sha256(ONE.encode()).hexdigest()
    assert version.hash == xxhash.xxh3_64_hexdigest(ONE.encode())
    found = await store.active("model/resnet.py")
    assert (found.version, found.content) == (version, ONE.encode())
    (activation,) = await store.history("model/resnet")
    assert (activation.sequence, activation.by, activation.why) == (1, "eve", "first")
    assert activation.previous_sha256 is None


async def test_the_same_content_again_is_no_new_version_and_becomes_active_for_good(store):
    await store.upload("model/resnet.py", ONE)
    await store.upload("model/resnet.py", TWO)
    again = await store.upload("model/resnet.py", ONE)
    assert (again.is_new, again.version.is_active) == (False, True)
    assert (await store.active("model/resnet.py")).content == ONE.encode()
    newest, oldest = await store.versions("model/resnet.py")
    assert (newest.is_active, oldest.is_active) == (False, True)
    assert (await store.history("model/resnet.py"))[0].rollback


async def test_the_same_content_at_another_path_is_another_component(store):
    here = await store.upload("model/resnet.py", ONE)
    there = await store.upload("loss/resnet.py", ONE)
    assert there.is_new
    assert there.version.path == "loss/resnet.py"
    assert here.version.hash == there.version.hash
    with pytest.raises(Conflict, match="several paths"):
        await store.activate(here.version.hash)
    assert (await store.activate(here.version.hash, path="loss/resnet.py")).version.path == "loss/resnet.py"
    found = await store.ask(component.GET, hash=here.version.sha256)
    assert found.paths == ("loss/resnet.py", "model/resnet.py")


async def test_both_hashes_name_a_version_and_an_unknown_one_is_not_found(store):
    version = (await store.upload("model/resnet.py", ONE)).version
    for hash_ in (version.hash, version.sha256, version.sha256.upper()):
        assert (await store.ask(component.GET, hash=hash_)).version == version
    for hash_ in ("0" * 16, "0" * 64):
        with pytest.raises(NotFound):
            await store.ask(component.GET, hash=hash_)
        with pytest.raises(NotFound):
            await store.activate(hash_)
    with pytest.raises(NotFound):
        await store.ask(component.GET, hash=version.hash, path="loss/resnet.py")


async def test_an_upload_that_is_not_to_be_active_waits_until_somebody_activates_it(store):
    first = await store.upload("model/resnet.py", ONE, activate=False)
    assert not first.version.is_active
    (listed,) = (await store.ask(component.LIST)).components
    assert (listed.active_hash, listed.version_count) == (None, 1)
    with pytest.raises(NotFound, match="no active version"):
        await store.active("model/resnet.py")
    assert (await store.activate(first.version.hash, why="go")).version.is_active
    assert (await store.active("model/resnet.py")).content == ONE.encode()


async def test_a_rollback_is_in_the_history_with_who_and_why(store):
    old = (await store.upload("model/resnet.py", ONE)).version
    new = (await store.upload("model/resnet.py", TWO)).version
    await store.activate(old.hash, by="mara", why="worse on bright parts")
    last, second, _ = await store.history("model/resnet.py")
    assert (last.by, last.why, last.rollback) == ("mara", "worse on bright parts", True)
    assert (last.previous_sha256, last.sha256) == (new.sha256, old.sha256)
    assert not second.rollback


async def test_activating_what_is_active_already_changes_nothing(store):
    version = (await store.upload("model/resnet.py", ONE)).version
    await store.activate(version.hash)
    assert len(await store.history("model/resnet.py")) == 1


async def test_many_uploads_of_one_path_at_once_leave_one_active_and_lose_none(store):
    texts = [f"a = {number}\n" for number in range(16)]
    await asyncio.gather(*(store.upload("model/resnet.py", text) for text in texts))
    versions = await store.versions("model/resnet.py")
    assert len(versions) == len(texts)
    assert sum(version.is_active for version in versions) == 1
    (listed,) = (await store.ask(component.LIST)).components
    assert listed.version_count == len(texts)
    history = await store.history("model/resnet.py")
    assert [each.sequence for each in history] == list(range(16, 0, -1))
    assert all(later.previous_sha256 == earlier.sha256 for later, earlier in pairwise(history))
    assert history[0].sha256 == (await store.active("model/resnet.py")).version.sha256


async def test_one_content_uploaded_many_times_at_once_is_one_new_version(store):
    answers = await asyncio.gather(*(store.upload("model/resnet.py", ONE) for _ in range(12)))
    assert [answer.is_new for answer in answers].count(True) == 1
    assert len(await store.versions("model/resnet.py")) == 1
    assert len(await store.history("model/resnet.py")) == 1


async def test_activations_that_race_leave_one_active_and_one_unbroken_history(store):
    versions = [(await store.upload("model/resnet.py", text)).version for text in (ONE, TWO, THREE)]
    await asyncio.gather(*(store.activate(versions[turn % 3].hash) for turn in range(18)))
    assert sum(version.is_active for version in await store.versions("model/resnet.py")) == 1
    history = await store.history("model/resnet.py")
    assert [each.sequence for each in history] == list(range(len(history), 0, -1))
    assert all(later.previous_sha256 == earlier.sha256 for later, earlier in pairwise(history))
    assert history[0].sha256 == (await store.active("model/resnet.py")).version.sha256


async def test_each_version_and_each_activation_is_told_once(store):
    first = (await store.upload("model/resnet.py", ONE)).version
    await store.upload("model/resnet.py", TWO)
    await store.activate(first.hash)
    await eventually(lambda: len(store.heard) == 5)
    told = [(address, message) for address, message in store.heard]
    assert [message.hash for address, message in told if address == component.PUBLISHED.address] == [
        first.hash,
        xxhash.xxh3_64_hexdigest(TWO.encode()),
    ]
    moves = [message for address, message in told if address == component.ACTIVATED.address]
    assert [move.sequence for move in moves] == [1, 2, 3]


async def test_large_contents_are_in_the_object_store_and_come_back_whole(store):
    head = bytes(range(256)) * 8000
    version = (await store.upload("model/head.onnx", head)).version
    assert (version.kind, version.size) == (component.Kind.MODEL_HEAD, len(head))
    assert (await store.active("model/head.onnx")).content == head
    listed = await store.ask(component.LIST_VERSIONS, path="model/head.onnx", include_content=True)
    assert listed.contents == {version.sha256: head}


async def test_a_kind_is_what_the_ending_says_or_what_the_uploader_says(store):
    assert (await store.upload("solver/fast.yaml", "lr: 0.1\n")).version.kind == "config"
    said = await store.upload("transform/crop.py", ONE, kind=component.Kind.PREPROCESSING)
    assert said.version.kind == "preprocessing"
    with pytest.raises(BadRequest, match="kind"):
        await store.upload("transform/crop.py", ONE, kind=component.Kind.CONFIG)
    with pytest.raises(Conflict, match="kind"):
        await store.upload("transform/crop.py", ONE, kind=component.Kind.CODE)


REFUSED = [
    ("model/resnet.py", "def broken(:\n    pass\n", Invalid, "line 1, column 12"),
    ("model/resnet.py", "a = 1\nb = = 2\n", Invalid, "line 2"),
    ("model/resnet.py", b"a = 1\nb = '\0'\n", Invalid, "NUL byte in line 2, column 6"),
    ("model/resnet.py", b"a = '\xff'\n", Invalid, "UTF-8 in line 1, column 6"),
    ("model/resnet.py", "-" * 100_000 + "1", Invalid, "deeply"),
    ("model/resnet.py", "#" * 300_000, TooLarge, "content"),
    ("solver/fast.yaml", "a: [1, 2\n", Invalid, "line 2"),
    ("solver/fast.yaml", "a: !!python/object/apply:os.system [ls]\n", Invalid, "line 1"),
    ("model/head.onnx", b"", Invalid, "empty"),
    ("../../etc/passwd", ONE, BadRequest, "path"),
    ("model/../loss", ONE, BadRequest, "path"),
    ("kernel/resnet.py", ONE, BadRequest, "unknown category"),
    ("model/re\u0301snet.py", ONE, BadRequest, "path"),
    ("model/a\ufb01x.py", ONE, BadRequest, "NFKC"),
    ("model/resnet\n", ONE, BadRequest, "path"),
]


async def test_what_can_not_be_taken_is_refused_and_leaves_nothing(store, subtests):
    for path, content, error, told in REFUSED:
        with subtests.test(f"{path!r}: {told}"), pytest.raises(error, match=told):
            await store.upload(path, content)
    assert (await store.ask(component.LIST)).components == ()


async def test_code_is_parsed_and_never_run(store, tmp_path):
    trace = tmp_path / "ran"
    await store.upload("model/resnet.py", f"open({str(trace)!r}, 'w')\nraise SystemExit\n")
    assert not trace.exists()


async def test_a_short_hash_that_names_two_contents_of_a_path_is_refused(store, mongo):
    version = (await store.upload("model/resnet.py", ONE)).version
    taken = {"hash": xxhash.xxh3_64_hexdigest(TWO.encode())}
    raw = mongo.database("component-store")["versions"]
    await raw.update_one({"_id": f"model/resnet.py@{version.sha256}"}, {"$set": taken})
    with pytest.raises(Conflict, match="short hash"):
        await store.upload("model/resnet.py", TWO)
    assert (await store.active("model/resnet.py")).content == ONE.encode()
