"""What one column becomes where the user names nothing: the rules, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stoker.survey import Survey
from stoker.survey.profiles import TextProfile
from stoker.survey.valuelengths import ValueLengths
from stoker.transforms import (
    Cast,
    Category,
    HashingVectorizer,
    Image,
    Log1p,
    MinMax,
    NgramVectorizer,
    PadSequences,
    QuantileBins,
    Robust,
    SequenceVectorizer,
    SparseFeatures,
    Standardize,
)
from stoker.transforms.base import InputTransform
from stoker.transforms.dates import Dates
from stoker.transforms.tallies import MOST_LETTERS
from stoker.types import KIND_WORDS, LISTS, ColumnKind

__all__ = [
    "WORDS",
    "Facts",
    "Pick",
    "of_numbers",
    "pair_sparse",
    "pick_number",
    "pick_text",
    "pick_values",
    "transform_for",
]

_TEXT_WORDS = 3.0
"""Words of a text, the mean, from which on a column is text and not names."""
_COMES_BACK = 20
"""Times that a text comes back, the mean, from which on it is a category however long it is."""
_MANY = 100
"""Categories from which on those that are rare share a code."""
_RARE = 5
_FILLED = ("mean", "zero")
_SAME = "the same value in every row"
_MOST_COUNTED = 200_000
"""Different values, about, from which on they are hashed and not counted."""
_BUCKETS = 1 << 15
_MOST_BYTES = 3 * MOST_LETTERS // 4
_BESIDE_VALUE = 12
"""Bytes that a counted value takes beside its own, the mean: its length, and what rounds it up to eight."""
_DATES = "every text is a date; one that no calendar has counts as a blank"
_COMMAS = (
    "; these look like numbers with decimal commas: pandas.read_csv(…, decimal=',') and stoker.open(frame) "
    "read them as such"
)
_SPELT = "; these look like dates: stoker.Dates(format='%d.%m.%Y'), or as they are written, reads them"
_MOST_IDS = 1_000_000
"""Ids from which on they are numbers like others: a model has a row of weights for each."""

_NUMERIC: dict[str, Callable[..., InputTransform]] = {
    "standardize": Standardize,
    "minmax": MinMax,
    "robust": Robust,
    "log1p": Log1p,
    "cast": Cast,
}
_OTHERS: dict[str, Callable[[], InputTransform]] = {
    "bins": QuantileBins,
    "category": Category,
    "onehot": lambda: Category(encode="onehot"),
    "hash": lambda: Category(encode="hash", num_buckets=_BUCKETS),
    "dates": lambda: Dates(na="zero"),
    "ngram": NgramVectorizer,
    "sequence": lambda: SequenceVectorizer(max_tokens=20_000),
    "hashing": HashingVectorizer,
    "image": Image,
    "pad": PadSequences,
}
WORDS = (*_NUMERIC, *_OTHERS, "drop")
"""What a user may say of a column in a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Of one column its transform, in a word and made, and why; None leaves it out."""

    word: str
    reason: str
    transform: InputTransform | None = None
    partner: str | None = None


def pair_sparse(picks: Mapping[str, Pick], facts: Facts) -> dict[str, Pick]:
    """The picks, but one of sparse features for two columns of lists ``x.indices`` and ``x.values`` each.

    A column whose transform was asked for stays what it is.
    """
    made = dict(picks)
    for name, pick in picks.items():
        stem, _, last = name.rpartition(".")
        partner = f"{stem}.values" if stem else "values"
        if last != "indices" or partner not in picks or {pick.word, picks[partner].word} != {"pad"}:
            continue
        seen, asked = facts.found.values[name], "asked for" in (pick.reason, picks[partner].reason)
        are_rows = (facts.kinds[name], facts.kinds[partner]) == LISTS and (seen.minimum or 0) >= 0
        if are_rows and not asked:
            reason = f"sparse rows, up to {seen.longest:,} of {int(seen.maximum or 0) + 1:,} features each"
            made[name] = Pick(word="sparse", reason=reason, transform=SparseFeatures(), partner=partner)
            del made[partner]
    return made


def pick_values(kind: ColumnKind, seen: ValueLengths) -> Pick:
    """Of lists rows of one length; of bytes nothing."""
    if kind not in LISTS:
        return Pick(word="drop", reason=f"{KIND_WORDS[kind]}, of which no input is made")
    if not seen.longest:
        return Pick(word="drop", reason="no number in any row")
    reason = f"{KIND_WORDS[kind]}, up to {seen.longest:,} each"
    if kind == "ints":
        least, greatest = int(seen.minimum or 0), int(seen.maximum or 0)
        if least < 0 or greatest >= _MOST_IDS:
            reason += f", from {least:,} to {greatest:,}, which are no ids: standardised"
            return Pick(word="pad", reason=reason, transform=PadSequences(output="dense"))
        return Pick(word="pad", reason=f"{reason}, ids to {greatest:,}", transform=PadSequences())
    return Pick(word="pad", reason=f"{reason}, standardised", transform=PadSequences())


@dataclass(frozen=True, slots=True)
class Facts:
    """What a survey found, by column: tables may have tens of thousands.

    Attributes
    ----------
    found
        The survey.
    places
        Of the columns of numbers in the matrix.
    counts
        How many values each of these has.
    kinds
        Of the other features, by name.
    problems
        By column its problems' kinds, with how often each was met.
    """

    found: Survey
    places: Mapping[str, int]
    counts: Sequence[int]
    kinds: Mapping[str, ColumnKind]
    problems: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, found: Survey) -> Facts:
        """By column what a survey found."""
        problems: dict[str, dict[str, int]] = {}
        for problem in found.problems:
            if problem.column is not None:
                problems.setdefault(problem.column, {}).setdefault(problem.kind, problem.count)
        places = {name: place for place, name in enumerate(found.features)}
        features = found.source.table.schema.features
        others = {column.name: column.kind for column in features if column.name not in places}
        return cls(found, places, found.statistics.count.tolist() if places else (), others, problems)


def pick_number(name: str, facts: Facts, gaps: set[str], rules: Mapping[str, str]) -> Pick:
    """Of numbers: left out where they teach nothing, else standardised."""
    if name not in facts.found.source.table.schema.declared:
        kinds = facts.problems.get(name, {})
        if not facts.counts[facts.places[name]]:
            return Pick(word="drop", reason="no value in any row")
        if "constant" in kinds:
            return Pick(word="drop", reason=_SAME)
        if "unique" in kinds:
            return Pick(word="drop", reason="another value in every row, as an id has")
    transform = transform_for("standardize", name, gaps, rules)
    return Pick(word="standardize", reason="numbers", transform=transform)


def pick_text(name: str, seen: TextProfile, *, is_declared: bool) -> Pick:
    """Of texts: dates, categories, n-grams, or nothing; with a hint where they look like something else."""
    pick = _pick_text(seen, is_declared=is_declared)
    if is_declared or not seen.present or seen.dates or seen.digits:
        return pick
    hint = _COMMAS if seen.decimals else _SPELT if seen.other_dates else ""
    return replace(pick, reason=pick.reason + hint)


def _pick_text(seen: TextProfile, *, is_declared: bool) -> Pick:
    if not seen.present:
        return Pick(word="drop", reason="no text in any row")
    if not is_declared and seen.distinct == 1 and not seen.blanks:
        return Pick(word="drop", reason=_SAME)
    if seen.dates:
        return Pick(word="dates", reason=_DATES, transform=Dates(na="zero", invalid="blank"))
    few_words, many = seen.words_each < _TEXT_WORDS, f"{'' if seen.is_exact else 'about '}{seen.distinct:,}"
    if not is_declared and seen.unique and few_words:
        every = "every" if seen.distinct == seen.present else "nearly every"
        return Pick(word="drop", reason=f"another text in {every} row, as an id has")
    comes_back = seen.present / max(1, seen.distinct)
    if not few_words and comes_back < _COMES_BACK:
        reason = f"{seen.words_each:.0f} words each, {many} different texts"
        return Pick(word="ngram", reason=reason, transform=NgramVectorizer())
    what = "codes of digits" if seen.digits else "texts"
    is_large = seen.distinct * (seen.num_bytes / max(1, seen.present) + _BESIDE_VALUE) > _MOST_BYTES
    if seen.distinct > _MOST_COUNTED or is_large:
        hashed = Category(encode="hash", num_buckets=_BUCKETS)
        long = "" if seen.distinct > _MOST_COUNTED else f", {seen.num_bytes // seen.present} bytes each"
        return Pick(word="hash", reason=f"{many} different {what}{long}", transform=hashed)
    rare = _RARE if seen.distinct > _MANY else 1
    return Pick(word="category", reason=f"{many} different {what}", transform=Category(min_count=rare))


def transform_for(word: str, name: str, gaps: set[str], rules: Mapping[str, str]) -> InputTransform | None:
    """What a word of `WORDS` makes of a column; None leaves it out."""
    if word == "drop":
        return None
    return _OTHERS[word]() if word not in _NUMERIC else of_numbers(word, [name], gaps, rules)


def of_numbers(word: str, names: Iterable[str], gaps: set[str], rules: Mapping[str, str]) -> InputTransform:
    """A transform of numbers that fills blanks as the user says, and else with the mean and an indicator."""
    na = {name: rules.get(name, "error") for name in names}
    na = {
        name: rule if rule in _FILLED else "mean"
        for name, rule in na.items()
        if rule in _FILLED or name in gaps
    }
    return _NUMERIC[word](na=na, indicator=bool(gaps & set(na))) if na else _NUMERIC[word]()
