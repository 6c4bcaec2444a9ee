"""Reads a page as a browser does, as far as the tests need it."""

from __future__ import annotations

from html.parser import HTMLParser

_EMPTY = {"meta", "input", "br", "path", "circle"}


class Page(HTMLParser):
    """A page that was shown. Its elements must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.language: str | None = None
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self._labelled_inside: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "html":
            self.language = dict(attrs)["lang"]
        if "label" in self._open and (id_ := dict(attrs).get("id")):
            self._labelled_inside.append(id_)
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def by_id(self, id_: str) -> dict[str, str | None]:
        [found] = [attributes for _, attributes in self.tags if attributes.get("id") == id_]
        return found

    @property
    def ids(self) -> list[str]:
        return [id_ for _, attributes in self.tags if (id_ := attributes.get("id"))]

    @property
    def controls(self) -> list[dict[str, str | None]]:
        """What the customer can fill in."""
        seen = [*self.all("input"), *self.all("textarea")]
        order = [id_ for id_ in self.ids if id_ in {one.get("id") for one in seen}]
        return [self.by_id(id_) for id_ in order]

    @property
    def names(self) -> list[str]:
        """The names of the fields that answer questions, in order."""
        return list(dict.fromkeys(str(one["name"]) for one in self.controls))

    @property
    def required(self) -> set[str]:
        return {str(one["name"]) for one in self.controls if "required" in one}

    def offered(self, name: str) -> list[str]:
        """The values that a field can have."""
        return [str(one["value"]) for one in self.all("input") if one.get("name") == name]

    @property
    def hidden(self) -> dict[str, str]:
        """What the form sends besides."""
        return {str(one["name"]): str(one["value"]) for one in self.all("input") if one.get("type") == "hidden"}

    @property
    def chosen(self) -> list[str | None]:
        return [radio["value"] for radio in self.all("input") if "checked" in radio]

    @property
    def comment(self) -> str:
        """The text area's content; HTML drops the first line break."""
        return self.texts.get("textarea", "").removeprefix("\n").removesuffix("\n")

    @property
    def is_labelled(self) -> bool:
        """Whether everything to fill in has a label, and every description is there."""
        labelled = {label.get("for") for label in self.all("label")} | set(self._labelled_inside)
        described = {id_ for _, one in self.tags for id_ in (one.get("aria-describedby") or "").split()}
        return described <= set(self.ids) and all(
            one["id"] in labelled or one.get("aria-label") for one in self.controls
        )
