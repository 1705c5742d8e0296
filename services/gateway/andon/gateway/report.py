"""One part's inspection as a PDF, on one page unless much was found."""

from html import escape
from io import BytesIO

from PIL import Image as Pictures
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from andon.contracts import NotFound
from andon.contracts.inspection import DecidedBy, Decision, Inspection
from andon.gateway.thumbnails import small

_PLAIN, _BOLD = "Vera", "VeraBd"
for _font in (_PLAIN, _BOLD):
    pdfmetrics.registerFont(TTFont(_font, f"{_font}.ttf"))
pdfmetrics.registerFontFamily(_PLAIN, normal=_PLAIN, bold=_BOLD, italic=_PLAIN, boldItalic=_BOLD)
_GLYPHS = frozenset(pdfmetrics.getFont(_PLAIN).face.charToGlyph)  # type: ignore[attr-defined]

_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN - 12
_PICTURE = 1200
"""Pixels of an image's longer side: 350 to the inch as it is printed."""
_COLOUR = {
    Decision.PASS: colors.HexColor("#1b7f3b"),
    Decision.FAIL: colors.HexColor("#c0271c"),
    Decision.UNCERTAIN: colors.HexColor("#b26a00"),
}
_GREY, _LINE = colors.HexColor("#5a6472"), colors.HexColor("#d5dae1")
_TEXT = ParagraphStyle("text", fontName=_PLAIN, fontSize=8.5, leading=12, wordWrap="CJK")
_SMALL = ParagraphStyle("small", parent=_TEXT, fontSize=7.5, leading=10, textColor=_GREY)
_HEAD = ParagraphStyle("head", parent=_TEXT, fontName=_BOLD, fontSize=10.5, leading=14, spaceBefore=5 * mm)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName=_BOLD, fontSize=17, leading=21)


def shown(text: str) -> str:
    """The text as the report's font can show it: any other character by its number, such as [U+4E2D]."""
    return "".join(each if ord(each) in _GLYPHS else f"[U+{ord(each):04X}]" for each in text)


def rendered(part: Inspection, original: bytes | None, overlay: bytes | None, version: str) -> bytes:
    """The PDF's bytes. Without `original`, the page says that no image is kept."""
    out = BytesIO()
    page = SimpleDocTemplate(
        out, pagesize=A4, title=f"Inspection {part.id}", author="Andon", creator=f"Andon {version}",
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
    )  # fmt: skip
    page.build(
        [
            _title(part),
            Spacer(1, 4 * mm),
            _facts(part),
            Paragraph("Images", _HEAD),
            *_images(original, overlay),
            Paragraph("Found", _HEAD),
            _detections(part),
            Spacer(1, 6 * mm),
            Paragraph(
                f"Andon {escape(version)}. Times are UTC. Boxes are pixels of the original image.", _SMALL
            ),
        ]
    )
    return out.getvalue()


def _title(part: Inspection) -> Flowable:
    style = ParagraphStyle("decision", parent=_TITLE, alignment=2, textColor=_COLOUR[part.decision])
    left = Paragraph("Inspection report", _TITLE)
    right = Paragraph(part.decision.upper(), style)
    return Table([[left, right]], colWidths=[_WIDTH * 0.65, _WIDTH * 0.35], style=_bare())


def _facts(part: Inspection) -> Flowable:
    times = part.times
    pairs = [
        ("Part", part.part_id or "not named"),
        ("Station", part.station_id),
        ("Inspection", part.id),
        ("Frame", part.frame_id),
        ("Captured", _moment(part.captured_at)),
        ("Judged", _moment(part.judged_at)),
        ("Confidence", f"{part.confidence:.1%}"),
        ("Anomaly score", f"{part.anomaly_score:.4g}"),
        ("Thresholds", f"uncertain above {part.uncertain_above:.4g}, fail above {part.fail_above:.4g}"),
        ("Decided by", _decider(part)),
        ("Model", f"{part.model_version}, recipe revision {part.recipe_revision}"),
        ("Model digest", part.model_digest),
        ("Image", f"{part.width} x {part.height} pixels"),
        (
            "Times",
            f"{times.total_ms:g} ms: decode {times.decode_ms:g} ms, inference {times.inference_ms:g} ms",
        ),
        ("Holds", ", ".join(f"{hold.reason} by {hold.by}" for hold in part.holds) or "none"),
    ]
    rows = [[Paragraph(name, _SMALL), Paragraph(escape(shown(value)), _TEXT)] for name, value in pairs]
    return Table(rows, colWidths=[30 * mm, _WIDTH - 30 * mm], style=_lined())


def _decider(part: Inspection) -> str:
    if part.defect_fail_above is None:
        return "the anomaly score"
    by = "the anomaly score" if part.decided_by is DecidedBy.ANOMALY else "a defect that the detector found"
    return f"{by}; defects fail above {part.defect_fail_above:.4g}"


def _images(original: bytes | None, overlay: bytes | None) -> list[Flowable]:
    if original is None:
        return [Paragraph("No image of this part is kept.", _TEXT)]
    wide = (_WIDTH - 6 * mm) / 2
    first = [_picture(original, wide), Paragraph("as it came", _SMALL)]
    second = [
        _picture(overlay, wide) if overlay else Paragraph("Nothing stood out: nothing was drawn.", _TEXT),
        Paragraph("with heatmap and boxes", _SMALL) if overlay else Spacer(1, 1),
    ]
    columns = [wide + 3 * mm, wide + 3 * mm]
    return [Table([[first, second]], colWidths=columns, style=_bare())]


def _picture(data: bytes, wide: float) -> Flowable:
    try:
        jpeg = small(data, _PICTURE, quality=85)
    except NotFound as error:
        return Paragraph(escape(str(error)), _TEXT)
    with Pictures.open(BytesIO(jpeg)) as image:
        across, down = image.size
    high = min(wide * down / across, 85 * mm)
    return Image(BytesIO(jpeg), width=high * across / down, height=high, hAlign="LEFT")


def _detections(part: Inspection) -> Flowable:
    if not part.detections:
        return Paragraph("Nothing.", _TEXT)
    header = ("#", "Class", "Confidence", "Box (x1, y1, x2, y2)", "Area", "Peak score")
    rows = [[Paragraph(name, _SMALL) for name in header]]
    for number, found in enumerate(part.detections, 1):
        area = f"{found.area_mm2:g} mm²" if found.area_mm2 is not None else f"{found.area_px} px"
        cells = (
            str(number),
            found.class_name,
            f"{found.confidence:.1%}",
            ", ".join(map(str, found.bbox)),
            area,
            f"{found.peak_score:.4g}",
        )
        rows.append([Paragraph(escape(shown(cell)), _TEXT) for cell in cells])
    widths = [9 * mm, 40 * mm, 24 * mm, 48 * mm, 28 * mm, _WIDTH - 149 * mm]
    return Table(rows, colWidths=widths, repeatRows=1, style=_lined())


def _moment(when: object) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S.%f}"


def _bare() -> TableStyle:
    return TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])


def _lined() -> TableStyle:
    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
