"""The evidence as one page for people: no script, nothing loaded from elsewhere."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from andon.contracts.annotation import Verdict
from andon.contracts.learning import Evaluation, Figures, Share
from andon.contracts.station import Thresholds
from andon.training.evaluation.judging import Seen

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2126;--soft:#5b6570;--line:#d9dee3;--paper:#fff;
--good:#2f7d4f;--bad:#c23b32}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5b0;--line:#343b42;--paper:#14181c}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;
max-width:60rem;padding:0 1rem}h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{color:var(--soft);margin:.2rem 0}table{border-collapse:collapse;width:100%}
td,th{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:right}
td:first-child,th:first-child{text-align:left}th{font-weight:600;color:var(--soft)}.tiles{display:grid;
gap:1rem;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));margin:1rem 0}
.tile{border:1px solid var(--line);border-radius:8px;padding:.8rem}.tile b{display:block;font-size:1.5rem}
.misses{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr))}figure{margin:0}
img{width:100%;border-radius:6px}figcaption{font-size:.8rem;color:var(--soft);overflow-wrap:anywhere}
svg{width:100%;height:auto}
"""
_NONE = "-"
_BINS = 40


def page(evaluation: Evaluation, thresholds: Thresholds, seen: Sequence[Seen], misses: Sequence[Seen]) -> str:
    """HTML; `misses` are the parts of the evaluation's, with their thumbnails."""
    parts = [
        f"<h1>{escape(evaluation.version_id)} on held-out parts</h1>",
        _about(evaluation),
        *(f"<p>{escape(note)}</p>" for note in evaluation.notes),
        _tiles(evaluation),
        "<h2>Scores</h2>",
        _histogram(thresholds, seen),
        "<h2>Decisions at the recipe's limits</h2>",
        _decisions({"all": evaluation.all, **evaluation.by_station, **_deciding(evaluation)}),
        _classes(evaluation),
        _confusion(evaluation),
        _gallery(misses),
    ]
    title = escape(f"Andon: {evaluation.version_id}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _about(evaluation: Evaluation) -> str:
    when = f"{evaluation.at:%Y-%m-%d %H:%M} UTC; set {escape(evaluation.held_out[:12])}"
    return f"<p>{evaluation.all.parts} parts that nothing was learned from, {when}</p>"


def _tiles(evaluation: Evaluation) -> str:
    whole = evaluation.all
    latency = evaluation.latency
    tiles = [
        ("Good from defective (AUROC)", _number(whole.image_auroc), ""),
        ("Defective parts that pass", *_percent(whole.false_accept)),
        ("Good parts that fail", *_percent(whole.false_reject)),
        ("A person is asked", *_percent(whole.uncertain)),
        ("Where on the part (PRO)", _number(evaluation.pixel_pro), "needs outlines"),
        ("Regions found (mAP50)", _number(evaluation.map50), "needs classes"),
    ]
    if evaluation.area_error is not None:
        tiles.append(("Areas off by (median)", f"{evaluation.area_error:.0%}", "of defects that were found"))
    if latency:
        about = f"95 % within {latency.p95_ms:.1f} ms, {latency.runtime} on {latency.device}"
        tiles.append(("Time for a part", f"{latency.median_ms:.1f} ms", about))
    cells = (
        f'<div class="tile">{escape(name)}<b>{escape(value)}</b><p>{escape(about)}</p></div>'
        for name, value, about in tiles
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _histogram(thresholds: Thresholds, seen: Sequence[Seen]) -> str:
    scores = [one.judged.score for one in seen]
    if not scores:
        return ""
    top = max(*scores, thresholds.fail_above) * 1.05 or 1.0
    edges = np.linspace(0, top, _BINS + 1)
    bars: list[str] = []
    for verdict, colour, shift in ((Verdict.GOOD, "--good", 0.1), (Verdict.DEFECT, "--bad", 0.5)):
        counts, _ = np.histogram([one.judged.score for one in seen if one.judged.truth is verdict], edges)
        for place, count in enumerate(counts / max(counts.max(), 1)):
            x, high = (place + shift) * 800 / _BINS, 150 * count
            bars.append(
                f'<rect x="{x:.1f}" y="{160 - high:.1f}" width="{800 / _BINS * 0.4:.1f}" height="{high:.1f}" '
                f'fill="var({colour})"/>'
            )
    for limit in (thresholds.uncertain_above, thresholds.fail_above):
        x = 800 * limit / top
        bars.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="5" y2="160" stroke="var(--ink)" stroke-dasharray="4 3"/>'
        )
    about = "<p>Green: good parts. Red: defective ones. Dashed: uncertain above, fail above.</p>"
    return f'<svg viewBox="0 0 800 165" role="img" aria-label="Scores">{"".join(bars)}</svg>{about}'


def _deciding(evaluation: Evaluation) -> dict[str, Figures]:
    found = evaluation.with_detector
    return {} if found is None else {"all, where the detector decides, too": found}


def _decisions(groups: dict[str, Figures]) -> str:
    rows = [
        (
            name,
            *(str(group.decisions[truth][each]) for truth in ("good", "defect") for each in _DECISIONS),
            _share(group.false_accept),
            _share(group.false_reject),
        )
        for name, group in groups.items()
    ]
    head = ("", *(f"{truth}: {each}" for truth in ("good", "defect") for each in _DECISIONS))
    return _table((*head, "false accept", "false reject"), rows)


_DECISIONS = ("pass", "uncertain", "fail")


def _classes(evaluation: Evaluation) -> str:
    if not evaluation.classes:
        return ""
    rows = [
        (name, str(one.regions), _share(one.named), _number(one.average_precision), _share(one.missed))
        for name, one in evaluation.classes.items()
    ]
    head = ("class", "outlined", "named rightly", "AP50", "parts that pass")
    return f"<h2>Classes</h2>{_table(head, rows)}"


def _confusion(evaluation: Evaluation) -> str:
    table = evaluation.region_confusion
    if not table:
        return ""
    names = sorted({*table, *(name for row in table.values() for name in row)})
    rows = [(name, *(str(table.get(name, {}).get(other, 0)) for other in names)) for name in names]
    return f"<h2>What outlined defects are called</h2>{_table(('outlined as', *names), rows)}"


def _gallery(misses: Sequence[Seen]) -> str:
    if not misses:
        return "<h2>Worst misses</h2><p>None: no defective part passed and no good part failed.</p>"
    figures = (
        f'<figure><img alt="" src="data:image/jpeg;base64,{b64encode(one.thumbnail).decode()}">'
        f"<figcaption>{escape(_told(one))}</figcaption></figure>"
        for one in misses
    )
    return f'<h2>Worst misses</h2><div class="misses">{"".join(figures)}</div>'


def _told(one: Seen) -> str:
    what = ", ".join(sorted({shape.class_name for shape in one.image.shapes})) or one.judged.truth.value
    return (
        f"{what}: {one.judged.decision.value} at {one.judged.score:.3f}, {one.image.part_id or one.image.key}"
    )


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    first = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"


def _percent(share: Share | None) -> tuple[str, str]:
    if share is None:
        return _NONE, "nothing to count"
    return f"{share.value:.1%}", f"{share.count} of {share.of}; 95 %: {share.low:.1%} to {share.high:.1%}"


def _share(share: Share | None) -> str:
    return _NONE if share is None else f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"
