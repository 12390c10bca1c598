"""Pages on which a web server lists what is in a folder: Apache's, nginx's, Python's and the like."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

__all__ = ["links_of"]


def links_of(url: str, page: str) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders right in a folder to which a page links, each once, in order.

    Names are quoted as they stand in addresses, but for ``=``. Links to other places, to the folder itself or
    above it, and those with a query (by which such a page is sorted otherwise) are left aside.

    Parameters
    ----------
    url
        The folder's address, which ends with a slash.
    page
        What the server gives there.

    Examples
    --------
    >>> page = '<a href="../">up</a> <a href="?C=N">N</a> <a href="year%3D2024/">…</a> <a href="b.csv">b</a>'
    >>> links_of("https://host/data/", page)
    (['b.csv'], ['year=2024'])
    """
    found = _Links()
    found.feed(page)
    found.close()
    names: dict[str, bool] = {}
    here = urlsplit(url)
    for link in found.links:
        try:
            there = urlsplit(urljoin(url, link))
        except ValueError:
            continue
        if there.query or (there.scheme, there.netloc) != (here.scheme, here.netloc):
            continue
        folder, _, name = there.path.rstrip("/").rpartition("/")
        if name and unquote(folder) == unquote(here.path).rstrip("/"):
            names[name.replace("%3D", "=").replace("%3d", "=")] = there.path.endswith("/")
    return [name for name, is_folder in names.items() if not is_folder], [
        name for name, is_folder in names.items() if is_folder
    ]


class _Links(HTMLParser):
    """Takes in where a page's links lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]
