"""`andon camera`: shows parts to a station."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from andon.contracts import INTEGRATIONS, Name, Refused
from andon.inspection.camera.open import Kind, open_source

if TYPE_CHECKING:
    from andon.inspection.camera import Fed, Sent, Source

app = typer.Typer(add_completion=False)


def _station_name(given: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(given)
    except ValidationError as error:
        raise typer.BadParameter("letters, digits, dots, dashes and underscores, up to 64") from error


@app.command()
def camera(  # noqa: PLR0913, PLR0917 - the options of the command
    source: Annotated[Kind | None, typer.Option(help="plate unless --images is given.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="A folder of images, or where the photographs were installed.")
    ] = None,
    station: Annotated[
        str, typer.Option(help="The station that looks at the parts.", callback=_station_name)
    ] = "demo",
    rate: Annotated[float, typer.Option(min=0, help="Parts a second; 0 is as fast as it goes.")] = 5.0,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many parts.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed shows the same parts.")] = 0,
    defects: Annotated[float, typer.Option(min=0, max=1, help="Share of defective parts.")] = 0.15,
    good: Annotated[
        int | None, typer.Option(min=0, help="How many good parts come first; by default the source's own.")
    ] = None,
    repeat: Annotated[bool, typer.Option(help="Start over where images run out.")] = False,
) -> None:
    """Show parts to a station: a rendered plate, real photographs, or your own images. Ctrl-C ends it."""
    kind = source or (Kind.FOLDER if images else Kind.PLATE)
    if kind is Kind.PHOTOS:
        from andon.inspection.camera.photos import LICENCE  # noqa: PLC0415 - OpenCV only where it reads

        typer.echo(LICENCE)
    try:
        opened = open_source(kind, images=images, seed=seed, defects=defects, good_first=good, repeat=repeat)
        typer.echo(f"{opened.about}\nto station {station}" + (f" at {rate:g} parts/s" if rate else ""))
        asyncio.run(_show(opened, station, rate, count))
    except Refused as refused:
        typer.secho(str(refused), err=True, fg="red")
        raise typer.Exit(1) from refused
    except KeyboardInterrupt:
        typer.echo("\nstopped")


async def _show(source: Source, station: str, rate: float, count: int | None) -> Fed:
    from andon.inspection.camera.feed import feed  # noqa: PLC0415 - `andon --help` needs no bus
    from andon.messaging import Service  # noqa: PLC0415 - the same
    from andon.runtime import Settings  # noqa: PLC0415 - the same

    line = Line()
    settings = Settings().bus.model_copy(
        update={"say_timeout": 2.0}
    )  # says soon why it waits, and goes on trying
    async with Service(INTEGRATIONS, settings) as bus:
        fed = await feed(bus, source, station, rate=rate, count=count, sent=line.sent, waits=line.waits)
    line.end(fed)
    return fed


@dataclass
class Line:
    """The one line on the terminal that lives while parts are sent."""

    started: float = field(default_factory=time.monotonic)
    shown: float = 0.0
    goods: int = 0
    defects: int = 0

    def sent(self, frame: Sent) -> None:
        """Count a frame; redraw at most five times a second, and every 10 s where nobody watches."""
        self.goods += frame.truth == "good"
        self.defects += frame.truth == "defect"
        now, watched = time.monotonic(), sys.stdout.isatty()
        if now - self.shown < (0.2 if watched else 10):
            return
        self.shown = now
        speed = frame.number / max(now - self.started, 1e-3)
        known = f" · {self.goods} good, {self.defects} defective" if frame.truth else ""
        text = f"{frame.number} parts · {speed:.1f}/s{known} · {frame.part_id} {frame.truth_class}"
        typer.echo(f"\r\x1b[K{text[:110]}" if watched else text, nl=not watched)

    def waits(self, why: str) -> None:
        """Say why no frame goes out."""
        typer.secho(f"\nwaiting: {why}", err=True, fg="yellow")

    def end(self, fed: Fed) -> None:
        """Sum up."""
        took = max(time.monotonic() - self.started, 1e-3)
        typer.echo(f"\n{len(fed.frames)} parts sent in {took:.1f} s ({len(fed.frames) / took:.1f}/s)")
