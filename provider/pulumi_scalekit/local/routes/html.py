"""HTML that is escaped by construction: text and attribute values cannot become markup."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.responses import HTMLResponse

VOID = frozenset(("input", "link", "meta"))


class Html(str):
    """A piece of finished HTML; plain strings are text."""

    __slots__ = ()


def h(tag: str, attributes: Mapping[str, str | bool | None] | None = None, *children: str | None) -> Html:
    """Return an element. False and None attributes, and None children, are left out."""
    parts = [tag]
    for name, value in (attributes or {}).items():
        if value is True:
            parts.append(name)
        elif value is not None and value is not False:
            parts.append(f'{name}="{escape(value)}"')
    opening = f"<{' '.join(parts)}>"
    if tag in VOID:
        return Html(opening)
    inner = "".join(child if isinstance(child, Html) else escape(child) for child in children if child)
    return Html(f"{opening}{inner}</{tag}>")


def headers() -> dict[str, str]:
    """Return the headers of every page: everything from this server, nothing inline, no framing."""
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def page(title: str, *children: str | None, status: int = 200) -> HTMLResponse:
    """Return a small page of its own, in the style of the server's other pages."""
    head = h(
        "head",
        None,
        h("meta", {"charset": "utf-8"}),
        h("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        h("meta", {"name": "color-scheme", "content": "light dark"}),
        h("title", None, title),
        h("link", {"rel": "icon", "href": "/_local/static/icon.svg"}),
        h("link", {"rel": "stylesheet", "href": "/_local/static/style.css"}),
    )
    body = h("body", {"class": "narrow"}, h("main", None, h("h1", None, title), *children))
    document = "<!doctype html>\n" + h("html", {"lang": "en"}, head, body)
    return HTMLResponse(document, status, headers=headers())
