"""`hub places`: service points and portals where people answer without a ticket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, ConfigFile, load_config, print_json, say, table

if TYPE_CHECKING:
    from hub.config.models import HubConfig
    from hub.config.survey import Place

app = typer.Typer(help="Service points and portals where people answer without a ticket.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The NAME of [places.NAME].")]


@app.command("list")
def list_places(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the places, and where their pages are."""
    config = load_config(config_file)
    rows = [_row(config, name, place) for name, place in config.places.items()]
    if as_json:
        print_json({"places": rows})
        return
    header = ("NAME", "TITLE", "SURVEY", "SCREEN", "FORM")
    cells = [(row["name"], row["title"], row["survey"], row["kiosk_url"], row["form_url"]) for row in rows]
    if rows:
        typer.echo(table([header, *cells]))
    else:
        say("there are none; a table [places.NAME] in hub.toml makes one")


@app.command("show")
def show_place(name: Name, *, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show a place: its addresses, its limits, and the HTML that shows its form in a portal."""
    config = load_config(config_file)
    place = _place(config, name)
    row = _row(config, name, place)
    if as_json:
        print_json(row)
        return
    typer.echo(f"Place:    {name}, {row['title']}")
    typer.echo(f"Survey:   {row['survey']}, about {place.service or 'no service'} and {place.team or 'no team'}")
    typer.echo(f"Screen:   {row['kiosk_url']}")
    typer.echo(f"Form:     {row['form_url']}")
    typer.echo(f"Limits:   {place.per_device} answers a minute from one device, {place.per_hour} an hour, by worker")
    typer.echo(f"Frames:   {', '.join(place.embed_in) or 'none; name web sites in embed_in'}")
    if place.embed_in:
        typer.echo(f"\nHTML for these web sites:\n\n{row['frame']}")


@app.command("qr")
def qr(
    name: Name,
    *,
    out: Annotated[Path, typer.Option(help="The file to write, with the suffix .svg or .png.")],
    config_file: ConfigFile = None,
) -> None:
    """Write the QR code that leads to a place's form, to be printed."""
    from hub.web import links

    config = load_config(config_file)
    _place(config, name)
    if out.suffix.lower() not in links.QR_SUFFIXES:
        raise typer.BadParameter(f"write a name that ends with {' or '.join(links.QR_SUFFIXES)}", param_hint="--out")
    url = links.form_url(config.web.public_url, name)
    try:
        links.save_qr(url, out)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}", param_hint="--out") from None
    say(f"{out}: leads to {url}")


def _row(config: HubConfig, name: str, place: Place) -> dict[str, Any]:
    from hub.web import links

    title = place.title.get(place.language) or next(iter(place.title.values()))
    return {
        "name": name,
        "title": title,
        "survey": place.survey,
        "kiosk_url": links.kiosk_url(config.web.public_url, name),
        "form_url": links.form_url(config.web.public_url, name),
        "frame": links.frame(config.web.public_url, name, title),
    }


def _place(config: HubConfig, name: str) -> Place:
    if name not in config.places:
        known = ", ".join(config.places) or "none yet; a table [places.NAME] in hub.toml makes one"
        raise typer.BadParameter(f"there are the places {known}", param_hint="NAME")
    return config.places[name]
