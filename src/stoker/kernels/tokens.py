r"""Texts to streams of word numbers: characters folded, words found as ``\w\w+`` finds them, and looked up.

The words are those of a `stoker.kernels.lexicon`. A stream is int32: the number of each word, -1 for one that
is not known.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.characters import decode, fold_ascii, load_bytes
from stoker.kernels.compiling import kernel
from stoker.kernels.lexicon import add_word, count_text, digest_rest, find_slot, fold_letters
from stoker.kernels.words import trailing_zeros

__all__ = [
    "DONE",
    "LEXICON_FULL",
    "STREAM_FULL",
    "WORD_TOO_LONG",
    "tokenize",
]

DONE, LEXICON_FULL, STREAM_FULL, WORD_TOO_LONG = 0, 1, 2, 3
"""Why `tokenize` returned."""

_TOPS = np.uint64(0x8080808080808080)
_LOW = np.uint64(0xFFFFFFFF)
_NONE, _EIGHT = np.uint64(0), np.uint64(8)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel
def tokenize(
    data,
    bounds,
    lowercase,
    pages,
    images,
    image_letters,
    slots,
    letters,
    state,
    word,
    learn,
    first_row,
    stream,
    ends,
    cursor,
):
    """Write the numbers of all words of some texts to a stream.

    Parameters
    ----------
    data, bounds
        UTF-8, uint8; int64 of shape (n + 1,): where each text begins, and the last ends.
    lowercase, pages, images, image_letters
        `stoker.kernels.characters.CharacterArrays`, with all pages that occur.
    slots, letters, state
        The lexicon. Where `learn`, new words are added and texts are counted.
    word
        uint64: room for the longest word. Written.
    learn, first_row
        Whether the lexicon may change; the number of the first text.
    stream, ends
        int32; int64 of shape (n,): where the words of each text end in the stream. Written.
    cursor
        int64 of shape (5,): text, place in `data`, place in and end of an image, numbers written. Zeros but
        for the place, ``bounds[0]``, at the start; where the return is not `DONE`, call again with more room.

    Returns
    -------
    `DONE`, `LEXICON_FULL`, `STREAM_FULL` or `WORD_TOO_LONG`.
    """
    row, place, image, image_end, written = cursor[0], cursor[1], cursor[2], cursor[3], cursor[4]
    num_rows = bounds.shape[0] - 1
    end = bounds[row + 1] if row < num_rows else place
    current, digest = _NONE, _NONE
    fill, size, characters = np.int64(0), np.int64(0), np.int64(0)
    problem = DONE
    while row < num_rows:
        cursor[0], cursor[1], cursor[2], cursor[3], cursor[4] = row, place, image, image_end, written
        # One word, or the end of the text.
        ended = False
        while True:
            count = np.int64(0)
            if image < image_end:
                taken = np.uint64(image_letters[image])
                image += 1
                if taken == _NONE:
                    break
                count = np.int64(1)
                characters += (taken & np.uint64(0xC0)) != np.uint64(0x80)
            elif place < end:
                loaded = load_bytes(data, place, end)
                taken, outside = fold_ascii(loaded & ~_TOPS, lowercase)
                outside |= loaded & _TOPS
                if outside != _NONE:
                    count = trailing_zeros(outside) >> 3
                    taken &= ~(_ALL << (_EIGHT * np.uint64(count)))
                else:
                    count = np.int64(8)
                characters += count
                place += count
            else:
                ended = True
                break
            if count:
                current |= taken << (_EIGHT * np.uint64(fill))
                if fill + count >= 8:
                    if size + 2 >= word.shape[0]:
                        return WORD_TOO_LONG
                    word[size] = current
                    digest = fold_letters(digest, current)
                    size += 1
                    current = taken >> (_EIGHT * np.uint64(8 - fill)) if fill else _NONE
                    fill += count - 8
                else:
                    fill += count
                if image < image_end or count == 8:
                    continue
            if place < end and image >= image_end:
                if data[place] < 0x80:
                    if fold_ascii(np.uint64(data[place]), lowercase)[1] & np.uint64(0x80):
                        place += 1
                        break
                    continue
                code, width = decode(data, place, end)
                entry = images[np.int64(pages[code >> 8]) * 256 + (code & 255)]
                image, image_end = entry >> 8, (entry >> 8) + (entry & 255)
                place += width
        if characters >= 2:
            length = 8 * size + fill
            word[size] = current
            digest = digest_rest(digest, current, length)
            at = find_slot(slots, letters, word, length, digest)
            if written >= stream.shape[0]:
                problem = STREAM_FULL
                break
            if learn:
                if slots[at + 1] == _NONE and not add_word(slots, letters, state, at, word, length, digest):
                    problem = LEXICON_FULL
                    break
                count_text(slots, at, first_row + row)
            stream[written] = np.int32(np.int64(slots[at + 1] & _LOW) - 1)
            written += 1
        if characters:
            current, digest = _NONE, _NONE
            fill, size, characters = np.int64(0), np.int64(0), np.int64(0)
        if ended:
            ends[row] = written
            row += 1
            if row < num_rows:
                place, end = bounds[row], bounds[row + 1]
    if problem == DONE:
        cursor[0], cursor[1], cursor[2], cursor[3], cursor[4] = row, place, image, image_end, written
    return problem
