"""How a delimited text file is written: byte order mark, delimiter, quote; found from its beginning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from stoker.errors import OptionError

__all__ = ["BOM", "Dialect", "detect", "find_records", "of_width", "split_records", "widths_of"]

BOM = b"\xef\xbb\xbf"
_DELIMITERS = {"csv": ",;\t|", "tsv": "\t,;|", "zhang": ","}
_WORDS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "\\t": "\t"}
_SNIFFED_CHARACTERS = 1 << 16
_SNIFFED_RECORDS = 200
_ENOUGH_WRAPPED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One byte between fields, and one around fields that hold it; ``quote=""`` means no quoting."""

    delimiter: str
    quote: str

    @property
    def delimiter_byte(self) -> int:
        """The delimiter as kernels take it."""
        return ord(self.delimiter)

    @property
    def quote_byte(self) -> int:
        """The quote as kernels take it, 0 for none."""
        return ord(self.quote) if self.quote else 0


def _field_pattern(dialect: Dialect) -> re.Pattern[str]:
    delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
    plain = rf"([^{delimiter}\r\n]*+)"
    end = rf"({delimiter}|\r\n|\r|\n|\Z)"
    return re.compile(
        rf"(?:{quote}((?:[^{quote}]++|{quote}{quote})*+){quote}{plain}|(?!{quote}){plain}){end}"
    )


def find_records(
    text: str, dialect: Dialect, *, limit: int | None = None, complete: bool = True
) -> tuple[Sequence[list[str]], int]:
    """As `split_records`, but records without quotes are split when they are asked for."""
    if dialect.quote and dialect.quote in text:
        return split_records(text, dialect, limit=limit, complete=complete)
    lines, place = _split_lines(text, limit, complete)
    return Lines(lines, dialect.delimiter), place


def widths_of(records: Sequence[list[str]]) -> list[int]:
    """Fields of each record."""
    return records.widths if isinstance(records, Lines) else list(map(len, records))


def of_width(records: Sequence[list[str]], width: int) -> Sequence[list[str]]:
    """Those with so many fields."""
    if isinstance(records, Lines):
        return records.of_width(width)
    return [record for record in records if len(record) == width]


def split_records(
    text: str, dialect: Dialect, *, limit: int | None = None, complete: bool = True
) -> tuple[list[list[str]], int]:
    """Fields of the records at the beginning of `text`; blank lines are no records.

    Parameters
    ----------
    text
        Decoded so that one character is one byte (Latin-1).
    dialect
        Delimiter and quote.
    limit
        Records wanted at most.
    complete
        Whether the text ends where the file does; if not, an unfinished last record is left out.

    Returns
    -------
    The records, and the place behind the last one. A record with an unclosed quote ends the list.
    """
    if not dialect.quote or dialect.quote not in text:
        lines, place = find_records(text, dialect, limit=limit, complete=complete)
        return list(lines), place
    records: list[list[str]] = []
    fields: list[str] = []
    place, length = 0, len(text)
    match_field, quote = _field_pattern(dialect).match, dialect.quote
    position = 0
    while position < length and (limit is None or len(records) < limit):
        found = match_field(text, position)
        if found is None:
            break
        quoted, after, plain, end = found.groups()
        fields.append(plain if plain is not None else quoted.replace(2 * quote, quote) + after)
        position = found.end()
        if end == dialect.delimiter and position < length:
            continue
        if end == dialect.delimiter:
            fields.append("")
        if position == length and not complete and end in ("", "\r", dialect.delimiter):
            break
        if len(fields) > 1 or found.end(4) - len(end) > found.start():
            records.append(fields)
        fields, place = [], position
    return records, place


class Lines(Sequence[list[str]]):
    """Records without quotes, which are split when they are asked for.

    Parameters
    ----------
    lines
        One a record, none of them blank.
    delimiter
        Between fields.

    Examples
    --------
    >>> records = Lines(["a,b", "1,2"], ",")
    >>> records[0], records.widths
    (['a', 'b'], [2, 2])
    """

    def __init__(self, lines: Sequence[str], delimiter: str) -> None:
        self._lines, self._delimiter = lines, delimiter

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> list[str]: ...
    @overload
    def __getitem__(self, place: slice) -> Lines: ...
    def __getitem__(self, place: int | slice) -> list[str] | Lines:
        if isinstance(place, slice):
            return Lines(self._lines[place], self._delimiter)
        return self._lines[place].split(self._delimiter)

    @property
    def widths(self) -> list[int]:
        """Fields of each record."""
        return [line.count(self._delimiter) + 1 for line in self._lines]

    def of_width(self, width: int) -> Lines:
        """Those with so many fields."""
        lines = zip(self._lines, self.widths, strict=True)
        return Lines([line for line, found in lines if found == width], self._delimiter)


def _split_lines(text: str, limit: int | None, complete: bool) -> tuple[list[str], int]:
    """Lines that are not blank, ended by LF, CRLF or a lone CR, and the place behind the last one's end."""
    if "\r" not in text:
        *lines, rest = text.split("\n", -1 if limit is None else limit)
        if all(lines):
            if rest and complete and len(lines) != limit:
                return [*lines, rest], len(text)
            return lines, len(text) - len(rest)
    lines, place, position = [], 0, 0
    feed = turn = -1
    while position < len(text) and len(lines) != limit:
        feed = _find(text, "\n", position) if feed < position else feed
        turn = _find(text, "\r", position) if turn < position else turn
        end = min(feed, turn)
        if end == len(text) and not complete:
            break
        behind = min(end + 1 + (feed == turn + 1), len(text))
        if end > position:
            lines.append(text[position:end])
            place = behind
        position = behind
    return lines, place


def _find(text: str, character: str, position: int) -> int:
    """Where a character comes next; the end of the text if nowhere."""
    found = text.find(character, position)
    return len(text) if found < 0 else found


def _checked(what: str, value: str) -> str:
    value = _WORDS.get(value, value) if what == "delimiter" else value
    if len(value) != 1 or not value.isascii() or value.isalnum() or value in "\r\n\0+-.":
        hint = '"tab", "comma", "semicolon", "pipe" and "space" have names'
        raise OptionError(
            f"{what} must be one ASCII character that stands in no number and ends no line, got {value!r}; "
            + (hint if what == "delimiter" else '"" means no quoting')
        )
    return value


def _consistency(text: str, dialect: Dialect) -> float:
    """Share of the first records with the most frequent number of fields, less those that quote strangely."""
    records, place = find_records(text, dialect, limit=_SNIFFED_RECORDS, complete=False)
    widths = widths_of(records)
    if not widths:
        return 0.0
    width, count = Counter(widths).most_common(1)[0]
    share = count / len(widths)
    if widths[0] != width:
        share *= 0.5
    whole, broken = _quoted_fields(text[:place], dialect)
    if broken or not whole:
        # A quote that nothing closes speaks against a dialect, unless others before it are closed.
        if len(widths) < _SNIFFED_RECORDS:
            share *= min(1.0, 2 * place / len(text))
        share *= 1 - min(1.0, _quoted_fields(text, dialect)[1] / len(widths))
    return share if width > 1 else share / 4


def _quoted_fields(text: str, dialect: Dialect) -> tuple[int, int]:
    """How many fields are quoted from end to end, and how many go on behind the closing quote."""
    if not dialect.quote or dialect.quote not in text:
        return 0, 0
    behind = [found[2] for found in _field_pattern(dialect).finditer(text) if found[1] is not None]
    return sum(not rest for rest in behind), sum(bool(rest) for rest in behind)


def _names_found(text: str, dialect: Dialect, names: Sequence[str]) -> int:
    """How many of the names are fields of the first record."""
    records, _ = find_records(text, dialect, limit=1) if names else ([], 0)
    return sum(name in records[0] for name in names) if records else 0


def _is_single_quoted(text: str, dialect: Dialect, double_quoted: float) -> bool:
    """Whether single quotes stand around a field of most rows, and nothing is less consistent."""
    whole, broken = _quoted_fields(text, dialect)
    rows = len(split_records(text, dialect)[0]) - 1
    return whole >= _ENOUGH_WRAPPED * max(rows, 1) > broken and _consistency(text, dialect) >= double_quoted


def detect(
    head: bytes,
    *,
    format_name: str,
    delimiter: str | None,
    quote: str | None,
    expected: Sequence[str] = (),
) -> Dialect:
    r"""Find delimiter and quote from a file's first bytes, without its byte order mark.

    The pair under which the first record holds the most names that the user speaks of wins, and among equals
    the one under which the records have the most consistent number of fields; on a tie the earlier of
    comma, semicolon, tab, bar (tab first for TSV), and of double quote and no quote. Single quotes are
    taken where they stand around a field of most rows.

    Parameters
    ----------
    head
        The beginning of the file.
    format_name
        ``"csv"`` or ``"tsv"``: which delimiter is tried first; ``"zhang"`` tries the comma alone.
    delimiter, quote
        What is known already; None is found. ``quote=""`` means no quoting.
    expected
        Column names that the user gave.

    Raises
    ------
    OptionError
        `delimiter` or `quote` is not one ASCII character, or both are the same.

    Examples
    --------
    >>> detect(b"a;b;c\n1;2,5;x\n", format_name="csv", delimiter=None, quote=None)
    Dialect(delimiter=';', quote='"')
    """
    text = head[:_SNIFFED_CHARACTERS].decode("latin-1")
    delimiters = _DELIMITERS[format_name] if delimiter is None else _checked("delimiter", delimiter)
    quotes = ('"', "")[: 1 + ('"' in text)] if quote is None else (_checked("quote", quote) if quote else "",)
    if delimiters == quotes[0]:
        raise OptionError(f"delimiter and quote are both {delimiters!r}; they must differ")
    delimiters = delimiters.replace(quotes[0], "") if quotes[0] else delimiters
    candidates = [Dialect(delimiter=mark, quote=around) for around in quotes for mark in delimiters]
    names = [name.encode().decode("latin-1") for name in expected]
    shares = [_consistency(text, candidate) for candidate in candidates]
    found = [
        (_names_found(text, candidate, names), share)
        for candidate, share in zip(candidates, shares, strict=True)
    ]
    best = candidates[found.index(max(found))]
    single = Dialect(delimiter=best.delimiter, quote="'")
    if quote is None and "'" in text and _is_single_quoted(text, single, max(shares)):
        return single
    return best
