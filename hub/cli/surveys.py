"""`hub surveys`: what is asked, and what customers get to see of it. Needs neither a running hub nor a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, ConfigFile, load_config, print_json, say, table

if TYPE_CHECKING:
    from hub.config.models import HubConfig
    from hub.config.survey import Language
    from hub.survey.model import Survey

app = typer.Typer(help="What is asked, in which words, and what each message costs.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The NAME of [surveys.NAME], or a built-in one.")]
Lang = Annotated[str | None, typer.Option(help="One of its languages: fi, sv or en.")]


@app.command("list")
def list_surveys(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the surveys, the built-in ones included, and which rules and places use them."""
    from hub.survey.model import surveys_of

    config = load_config(config_file)
    rows = [_row(config, survey) for survey in surveys_of(config).values()]
    if as_json:
        print_json({"surveys": rows})
        return
    header = ("NAME", "VERSION", "LANGUAGES", "QUESTIONS", "USED BY")
    cells = [
        (row["name"], row["version"], ", ".join(row["languages"]), ", ".join(row["questions"]), _users(row["used_by"]))
        for row in rows
    ]
    typer.echo(table([header, *cells]))


@app.command("show")
def show_survey(name: Name, *, lang: Lang = None, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the questions of a survey, and the texts around them that hub.toml can put in other words."""
    from hub.cli.surveys_text import questions_text, texts_of_survey, texts_text

    config = load_config(config_file)
    survey = _survey(config, name)
    languages = survey.languages if lang is None else (_language(config, survey, lang),)
    row = _row(config, survey)
    if as_json:
        questions = {id_: one.model_dump(mode="json", exclude_defaults=True) for id_, one in survey.questions.items()}
        texts = {language: texts_of_survey(survey, language) for language in languages}
        print_json(row | {"questions": questions, "texts": texts})
        return
    typer.echo(f"Survey:     {name}, version {survey.version}")
    typer.echo(f"Languages:  {', '.join(survey.languages)}, {survey.tone}")
    typer.echo(f"Messages:   at most {survey.messages} SMS in a conversation")
    typer.echo(f"Used by:    {_users(row['used_by']) or '-'}\n")
    typer.echo(questions_text(survey, languages))
    shown = languages[0]
    typer.echo(f"\nTexts around the questions. To replace one: [surveys.{name}.texts.{shown}] in hub.toml.\n")
    typer.echo(texts_text(survey, shown))


@app.command("preview")
def preview(
    name: Name,
    *,
    lang: Lang = None,
    tone: Annotated[str | None, typer.Option(help="formal or informal, instead of the survey's own.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this one: sms, email or page.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the HTML of the mail to this file.")] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the mail in a browser; with --channel page the page of a running hub.")
    ] = False,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what customers get: every SMS with its parts and alphabet, the mail, where the page is. Sends nothing."""
    from hub.api.records import Channel
    from hub.cli.surveys_text import Preview
    from hub.config.texts import TONES

    channels = [channel] if channel else list(Channel)
    if channel not in (None, *Channel):
        raise typer.BadParameter(f"choose one of {', '.join(Channel)}", param_hint="--channel")
    if tone not in (None, *TONES):
        raise typer.BadParameter(f"choose one of {', '.join(TONES)}", param_hint="--tone")
    config = load_config(config_file)
    survey = _survey(config, name)
    made = Preview(config, survey, _language(config, survey, lang), tone or survey.tone)
    if html is not None:
        _write(html, made.html)
        say(f"{html}: written")
    if as_json:
        print_json(made.as_json(channels))
    else:
        typer.echo(made.as_text(channels))
    if open_:
        _open(made.page_url if channel == Channel.PAGE else _as_file(made.html, html))


def _row(config: HubConfig, survey: Survey) -> dict[str, Any]:
    return {
        "name": survey.name,
        "version": survey.version,
        "languages": survey.languages,
        "tone": survey.tone,
        "messages": survey.messages,
        "questions": list(survey.questions),
        "used_by": {
            "rules": [rule.name for rule in config.rules if rule.ask and rule.survey == survey.name],
            "places": [name for name, place in config.places.items() if place.survey == survey.name],
        },
    }


def _users(used_by: dict[str, list[str]]) -> str:
    return ", ".join(f"{kind[:-1]} {name}" for kind, names in used_by.items() for name in names)


def _survey(config: HubConfig, name: str) -> Survey:
    from hub.survey.model import surveys_of

    surveys = surveys_of(config)
    if name not in surveys:
        raise typer.BadParameter(f"there are the surveys {', '.join(surveys)}", param_hint="NAME")
    return surveys[name]


def _language(config: HubConfig, survey: Survey, wanted: str | None) -> Language:
    from hub.survey.texts import pick_language

    if wanted not in (None, *survey.languages):
        raise typer.BadParameter(f"the survey speaks {', '.join(survey.languages)}", param_hint="--lang")
    return pick_language(wanted, default=config.hub.language, languages=survey.languages)


def _write(file: Path, html: str) -> None:
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--html") from None


def _as_file(html: str, file: Path | None) -> str:
    import tempfile

    if file is None:
        with tempfile.NamedTemporaryFile("w", suffix=".html", delete=False, encoding="utf-8") as kept:
            kept.write(html)
        file = Path(kept.name)
    return file.absolute().as_uri()


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        say(f"no browser could be opened; open it yourself: {url}")
