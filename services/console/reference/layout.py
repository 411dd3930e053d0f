"""A page of the reference as HTML: the same Markdown, with the contents beside it. It needs no JavaScript and no other host."""

from collections.abc import Iterable
from html import escape
from string import Template

from services.console.markdown import MARKDOWN
from services.console.reference.contents import KINDS, Reference, name_of
from services.console.reference.pages import Page, address
from services.console.reference.words import WORDS
from shared.http.language import Language

POLICY = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title · Huitou</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/reference/style.css">
<link rel="alternate" hreflang="$other_language" href="$other">
<link rel="alternate" type="text/markdown" href="$markdown">
</head>
<body>
<header><a href="$home">$reference</a><span><a href="$markdown">$as_markdown</a>
<a href="$other" lang="$other_language" hreflang="$other_language">$other_name</a></span></header>
<div class="sheet">
<nav aria-label="$contents"><details$open><summary>$contents</summary>
$listed
</details></nav>
<main>
<h1>$title</h1>
$body
</main>
</div>
</body>
</html>
""")


def rendered(reference: Reference, page: Page) -> str:
    """Return a page of the reference as HTML."""
    words = WORDS[reference.language]
    other: Language = "en" if reference.language == "zh" else "zh"
    here = address(reference.language, page.path) if page.path else address(reference.language)
    return _PAGE.substitute(
        language=reference.language,
        title=escape(page.title),
        reference=escape(words["title"]),
        home=address(reference.language),
        markdown=f"{here}.md",
        as_markdown=words["as_markdown"],
        other=address(other, page.path) if page.path else address(other),
        other_language=other,
        other_name=words["other"],
        contents=words["contents"],
        open="" if page.path else " open",
        listed="\n".join(_navigation(reference, page)),
        body=_body(page),
    )


def _body(page: Page) -> str:
    """Return the content of a page. Each section can be linked to by its anchor."""
    head = Page(path=page.path, title=page.title, summary=page.summary, about=page.about)
    parts = [MARKDOWN.render(head.text(heading=False))]
    for section in page.sections:
        anchor = escape(section.anchor)
        title = f'<h2><a href="#{anchor}">{escape(section.title)}</a></h2>'
        content = MARKDOWN.render(section.body)
        parts.append(f'<section id="{anchor}">\n{title}\n{content}</section>')
    wide = "\n".join(parts).replace("<table>", '<div class="wide"><table>')
    return wide.replace("</table>", "</table></div>")


def _navigation(reference: Reference, page: Page) -> Iterable[str]:
    words = WORDS[reference.language]
    yield f"<ul>{_entry(reference, reference.pages['overview'], page)}</ul>"
    for kind in KINDS:
        groups = reference.of_kind(kind)
        if len(groups) > 1:
            yield f"<p>{escape(words[kind])}</p>"
        for group, pages in groups:
            title = words[kind] if len(groups) == 1 else group
            opened = " open" if page in pages else ""
            entries = "".join(_entry(reference, listed, page) for listed in pages)
            yield f"<details{opened}><summary>{escape(title)}</summary><ul>{entries}</ul></details>"


def _entry(reference: Reference, listed: Page, page: Page) -> str:
    current = ' aria-current="page"' if listed is page else ""
    return f'<li><a href="{address(reference.language, listed.path)}"{current}>{escape(name_of(listed))}</a></li>'
