"""What is written in a layout of others is read back; what archives are misused for is refused."""

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from andon.contracts import Invalid, NotFound, Refused, TooLarge, Unavailable, UnsupportedMedia
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.dataset import Format, Manifest, Sample, Source, Split
from andon.datasets import Found, Limits, read, written


def picture(number: int, width: int = 64, height: int = 48) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def square(name: str, x1: int, y1: int, x2: int, y2: int) -> Shape:
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    return Shape(class_name=name, bbox=(x1, y1, x2, y2), polygon=corners)


SHAPES: list[tuple[Shape, ...]] = [
    (),
    (square("scratch", 0, 0, 9, 7),),
    (square("dent", 1, 2, 20, 30), square("scratch", 40, 30, 64, 48)),
    (),
    (square("dent", 10, 10, 30, 20),),
    (square("scratch", 63, 47, 64, 48),),
]
SPLITS = [Split.TRAIN, Split.TRAIN, Split.VAL, Split.TEST, Split.TEST, Split.TRAIN]


def sample(number: int, shapes: tuple[Shape, ...], split: Split, **changes) -> Sample:
    data = picture(number)
    values = {
        "sha256": sha256(data).hexdigest(), "key": f"k{number}", "content_type": "image/png",
        "size": len(data), "width": 64, "height": 48, "shapes": shapes, "split": split, "group": "g",
        "verdict": Verdict.DEFECT if shapes else Verdict.GOOD, "look": "0" * 64, "source": Source.IMPORT,
        "classes": tuple(sorted({shape.class_name for shape in shapes})),
    }  # fmt: skip
    return Sample(**{**values, **changes})


MANIFEST = Manifest(
    dataset="plates",
    samples=tuple(
        sample(n, shapes, split) for n, (shapes, split) in enumerate(zip(SHAPES, SPLITS, strict=True))
    ),
)
IMAGES = {f"k{number}": picture(number) for number in range(10)}


async def fetch(key: str) -> bytes:
    if key not in IMAGES:
        raise NotFound(key)
    return IMAGES[key]


async def archived(tmp_path: Path, form: Format, manifest: Manifest = MANIFEST) -> Path:
    path = tmp_path / f"{form}.zip"
    path.write_bytes(b"".join([piece async for piece in written(manifest, form, fetch)]))
    return path


def images_in(path: Path, form: Format, limits: Limits | None = None) -> tuple[list[Found], dict[str, int]]:
    with read(path, form, limits or Limits()) as reading:
        return list(reading.images), reading.left_out


@pytest.mark.parametrize("form", list(Format))
async def test_every_layout_gives_back_what_was_put_in(form, tmp_path):
    images, left_out = images_in(await archived(tmp_path, form), form)
    found = {sha256(each.data).hexdigest(): each for each in images}
    assert left_out == {}
    assert found.keys() == {each.sha256 for each in MANIFEST.samples}
    for each in MANIFEST.samples:
        other = found[each.sha256]
        assert other.verdict is each.verdict
        if form is Format.MVTEC:  # its folders hold one class each, all defects below test, no val
            tested = each.shapes or each.split is Split.TEST
            assert other.split is (Split.TEST if tested else Split.TRAIN)
            crumbs = [shape.bbox for shape in each.shapes if shape.bbox != (63, 47, 64, 48)]
            assert sorted(shape.bbox for shape in other.shapes) == sorted(crumbs)
            assert other.classes == each.classes[:1]
            continue
        assert other.split is each.split
        assert other.classes == each.classes
        assert [shape.bbox for shape in other.shapes] == [shape.bbox for shape in each.shapes]


async def test_outlines_go_through_the_layouts_that_have_them(tmp_path):
    for form in (Format.COCO, Format.YOLO):
        images, _ = images_in(await archived(tmp_path, form), form)
        found = {sha256(each.data).hexdigest(): each for each in images}
        for each in MANIFEST.samples:
            for shape, other in zip(each.shapes, found[each.sha256].shapes, strict=True):
                assert np.allclose(shape.polygon, other.polygon, atol=1e-4), form


async def test_boxes_without_outlines_are_boxes(tmp_path):
    boxes = [
        each.model_copy(
            update={"shapes": tuple(shape.model_copy(update={"polygon": ()}) for shape in shapes)}
        )
        for each, shapes in zip(MANIFEST.samples, SHAPES, strict=True)
    ]
    bare = MANIFEST.model_copy(update={"samples": tuple(boxes)})
    images, _ = images_in(await archived(tmp_path, Format.YOLO, bare), Format.YOLO)
    assert {shape.bbox for each in images for shape in each.shapes} == {
        shape.bbox for shapes in SHAPES for shape in shapes
    }


async def test_a_defect_without_a_place_does_not_pass_for_good(tmp_path):
    unplaced = sample(7, (), Split.TEST, verdict=Verdict.DEFECT, classes=("crack",))
    manifest = MANIFEST.model_copy(update={"samples": (*MANIFEST.samples, unplaced)})
    for form in Format:
        path = await archived(tmp_path, form, manifest)
        images, _ = images_in(path, form)
        mine = [each for each in images if each.data == picture(7)]
        if form is Format.MVTEC:
            assert [(each.verdict, each.classes, each.shapes) for each in mine] == [
                (Verdict.DEFECT, ("crack",), ())
            ]
        else:
            assert mine == []
            assert b"1 defects" in zipfile.ZipFile(path).read("LEFT-OUT.txt")


async def test_the_same_version_is_the_same_archive_and_a_changed_image_is_not_sent(tmp_path):
    assert (await archived(tmp_path, Format.COCO)).read_bytes() == (
        await archived(tmp_path, Format.COCO)
    ).read_bytes()
    changed = sample(1, (), Split.TRAIN, key="k2")
    with pytest.raises(Unavailable):
        await archived(tmp_path, Format.COCO, MANIFEST.model_copy(update={"samples": (changed,)}))


def packed(tmp_path: Path, files: Mapping[str, bytes | str]) -> Path:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def coco(**changes) -> str:
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 3, "name": "Missing hole"}],
        "annotations": [{"id": 9, "image_id": 1, "category_id": 3, "bbox": [1, 2, 30, 40]}],
    }
    return json.dumps({**content, **changes})


def voc(inside: str) -> str:
    return f"<annotation>{inside}</annotation>"


BOX = (
    "<object><name>dent</name><bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    "</object>"
)


def marked(**mark) -> dict[str, str]:
    return {"x.json": coco(annotations=[{"image_id": 1, "category_id": 3, **mark}])}


BAD: list[tuple[Format, dict[str, str], str]] = [
    (Format.COCO, marked(category_id=4, bbox=[1, 2, 3, 4]), "categ"),
    (Format.COCO, marked(bbox=[1, 2, 90, 4]), "box"),
    (Format.COCO, marked(bbox=[1, 2]), "bbox"),
    (Format.COCO, marked(bbox=[1, 2, -3, 4]), "box"),
    (Format.COCO, {"x.json": coco(images=[{"id": 1, "file_name": "../etc/b.png"}])}, "b.png"),
    (Format.COCO, {"x.json": coco(images=[{"id": 1}])}, "images[0]"),
    (Format.COCO, {"x.json": coco(images=[{"id": [], "file_name": "a.png"}])}, "images[0]"),
    (Format.COCO, {"x.json": coco(categories="none")}, "categories"),
    (Format.COCO, {"x.json": "{"}, "JSON"),
    (Format.COCO, {"x.json": "[" * 100_000}, "JSON"),
    (Format.COCO, {}, "JSON"),
    (Format.YOLO, {"a.txt": "0 0.5 0.5 1.5 0.1"}, "line 1"),
    (Format.YOLO, {"a.txt": "0 nan 0.5 0.5 0.1"}, "not a number"),
    (Format.YOLO, {"a.txt": "zero 0.5 0.5 0.5 0.1"}, "line 1"),
    (Format.YOLO, {"a.txt": "0 0.5 0.5"}, "line 1"),
    (Format.YOLO, {"a.txt": "1 0.5 0.5 0.5 0.1", "data.yaml": "names: [dent]"}, "class 1"),
    (Format.YOLO, {"a.txt": "", "data.yaml": "names: [!!python/object:os.system x]"}, "YAML"),
    (Format.YOLO, {"a.txt": "", "data.yaml": "names: ['///']"}, "name of a class"),
    (Format.YOLO, {}, "labels"),
    (Format.VOC, {"a.xml": voc(BOX.format("one"))}, "bndbox"),
    (Format.VOC, {"a.xml": voc(BOX.format("40"))}, "box"),
    (Format.VOC, {"a.xml": "<annotation>"}, "XML"),
    (Format.VOC, {"a.xml": '<!DOCTYPE a [<!ENTITY b "c">]>' + voc("&b;")}, "entities"),
    (Format.VOC, {}, "XML"),
    (Format.MVTEC, {}, "train/good"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "labels", "told"), BAD)
def test_labels_that_can_not_be_are_refused_by_their_place(form, labels, told, tmp_path):
    path = packed(tmp_path, {"a.png": picture(1), **labels})
    with pytest.raises(Invalid) as refused:
        images_in(path, form)
    assert told in str(refused.value)


def test_layouts_of_others_are_read_with_their_liberties(tmp_path):
    runs = [{"image_id": 1, "category_id": 3, "bbox": [1.2, 2, 63.5, 40], "segmentation": {"counts": "x"}}]
    path = packed(tmp_path, {"set/train/a.png": picture(1), "set/train/_anno.json": coco(annotations=runs)})
    [image], left_out = images_in(path, Format.COCO)
    assert (image.classes, image.split, image.shapes[0].bbox) == (
        ("Missing_hole",),
        Split.TRAIN,
        (1, 2, 64, 42),
    )
    files = {"images/a.png": picture(1), "images/b.png": picture(2), "labels/a.txt": "2 .5 .5 .5 .5\n\n"}
    [image], left_out = images_in(packed(tmp_path, files), Format.YOLO)
    assert (image.classes, left_out) == (("class-2",), {"without a file of labels": 1})
    mask = Image.new("L", (64, 48))
    mask.paste(255, (5, 6, 15, 26))
    out = io.BytesIO()
    mask.save(out, "PNG")
    files = {
        "nut/test/crack/a.png": picture(1),
        "nut/ground_truth/crack/a.png": out.getvalue(),
        "x.png": b"?",
    }
    [image], left_out = images_in(packed(tmp_path, files), Format.MVTEC)
    assert (image.shapes[0].bbox, image.split) == ((5, 6, 15, 26), Split.TEST)
    assert left_out == {"neither below train nor below test": 1}


@pytest.mark.parametrize("name", ["/a.png", "../a.png", "a\\b.png", "C:a.png", "a\x07.png", "x/inner.zip"])
def test_names_that_lead_elsewhere_are_refused(name, tmp_path):
    with pytest.raises(Invalid, match="archive"):
        images_in(packed(tmp_path, {name: picture(1), "b.png": picture(2)}), Format.COCO)


def test_links_duplicates_and_damage_are_refused(tmp_path):
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(Invalid, match="link"):
        images_in(path, Format.COCO)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", picture(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", picture(2))
    with pytest.raises(Invalid, match="twice"):
        images_in(path, Format.COCO)
    good = packed(tmp_path, {"a.png": picture(1), "x.json": coco()}).read_bytes()
    for cut in range(1, len(good), 97):
        path.write_bytes(good[:cut])
        with pytest.raises((Invalid, UnsupportedMedia)):
            images_in(path, Format.COCO)
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(good)
        for place in rng.integers(4, len(good), 3):
            broken[place] = rng.integers(0, 256)
        path.write_bytes(broken)
        try:
            images_in(path, Format.COCO)
        except Refused:
            continue
    path.write_bytes(b"no archive at all")
    with pytest.raises(UnsupportedMedia):
        images_in(path, Format.COCO)


def test_bombs_are_refused_before_they_go_off(tmp_path):
    bomb = packed(tmp_path, {"a.png": picture(1), "a.xml": b" " * (140 << 20)})
    with pytest.raises(TooLarge, match="larger than 64 MB"):
        images_in(bomb, Format.VOC)
    with pytest.raises(TooLarge, match="far more"):
        images_in(bomb, Format.VOC, Limits(labels=1 << 30))
    with pytest.raises(TooLarge, match="entries"):
        images_in(packed(tmp_path, {f"{n}.png": b"" for n in range(30)}), Format.VOC, Limits(files=20))
    wide = Image.new("1", (14_000, 14_000))
    out = io.BytesIO()
    wide.save(out, "PNG")
    with pytest.raises(Invalid, match="image"):
        images_in(packed(tmp_path, {"a.png": out.getvalue(), "x.json": coco()}), Format.COCO)
