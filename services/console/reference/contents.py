"""The whole reference in one language: its pages, their contents, and what programs read of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.console.journeys import Journey
from services.console.merging import Part
from services.console.reference import errors, events, guides, operations
from services.console.reference.pages import Page, Section, address, link
from services.console.reference.words import WORDS, named
from shared.http.language import Language

KINDS = (guides.PLACE, operations.PLACE, events.PLACE, errors.PLACE)
"""The kinds of pages, in the order of the contents."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The pages of one language by their places."""

    language: Language
    pages: Mapping[str, Page]

    def of_kind(self, kind: str) -> Sequence[tuple[str, Sequence[Page]]]:
        """Return the pages of one kind by their headings, in order."""
        groups: dict[str, list[Page]] = {}
        for place, page in self.pages.items():
            if place.startswith(f"{kind}/"):
                groups.setdefault(page.group, []).append(page)
        return sorted(groups.items()) if kind == errors.PLACE else list(groups.items())

    def for_programs(self) -> str:
        """Return the contents as `llms.txt`: every page in Markdown with a sentence."""
        words = WORDS[self.language]
        parts = [f"# {words['title']}", f"> {words['subtitle']}"]
        overview = f"* [{words['overview']}]({address(self.language, 'overview')}.md)"
        parts += ["## API", "* [openapi.json](/openapi.json)\n* [asyncapi.json](/asyncapi.json)\n" + overview]
        for kind in KINDS:
            lines = [
                f"* [{name_of(page)}]({address(self.language, page.path)}.md): {_first_line(page)}"
                for _, pages in self.of_kind(kind)
                for page in pages
            ]
            parts += [f"## {words[kind]}", "\n".join(lines)]
        return "\n\n".join(parts) + "\n"


def written(
    language: Language,
    openapi: Mapping[str, Part],
    asyncapi: Mapping[str, Part],
    journeys: Mapping[str, Journey],
    missing: Sequence[str],
) -> Reference:
    """Write the reference of these documents. `missing` are the services without a document."""
    made = [
        *guides.pages(language, openapi, journeys),
        operations.overview(language, openapi),
        *operations.pages(language, openapi),
        *events.pages(language, asyncapi),
        *errors.pages(language, openapi),
    ]
    reference = Reference(language, {page.path: page for page in made})
    return Reference(language, {"": _contents(reference, missing), **reference.pages})


def name_of(page: Page) -> str:
    """Return the name of a page in lists: an error is named by its code, another page by its title."""
    return page.path.rpartition("/")[2] if page.path.startswith(f"{errors.PLACE}/") else page.title


def _contents(reference: Reference, missing: Sequence[str]) -> Page:
    words = WORDS[reference.language]
    lines = [words["missing"].format(services=words["comma"].join(missing))] if missing else []
    sections = [
        Section("overview", words["overview"], link(words["overview"], reference.language, "overview")),
        *(Section(kind, words[kind], _listed(reference, kind)) for kind in KINDS),
    ]
    summary = "\n\n".join([words["subtitle"], *lines])
    return Page(path="", title=words["title"], summary=summary, sections=sections)


def _listed(reference: Reference, kind: str) -> str:
    groups = reference.of_kind(kind)
    return "\n\n".join(
        part
        for group, pages in groups
        for part in (f"### {group}" if len(groups) > 1 else "", _lines(reference, pages))
        if part
    )


def _lines(reference: Reference, pages: Iterable[Page]) -> str:
    return "\n".join(
        "* "
        + named(
            reference.language,
            link(name_of(page), reference.language, page.path),
            page.title if name_of(page) != page.title else _first_line(page),
        )
        for page in pages
    )


def _first_line(page: Page) -> str:
    return " ".join(page.summary.split("\n\n")[0].split())
