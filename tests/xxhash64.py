"""XXH64 from its specification: what hashes must equal."""

from __future__ import annotations

MASK = (1 << 64) - 1
PRIMES = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (64 - bits))) & MASK


def xxh64(content: bytes, seed: int = 0) -> int:
    """The specification, word by word, in Python's integers."""
    p1, p2, p3, p4, p5 = PRIMES

    def mixed(lane: int, word: int) -> int:
        return rotate((lane + word * p2) & MASK, 31) * p1 & MASK

    size = len(content)
    digest = (seed + p5) & MASK
    if size >= 32:
        lanes = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK]
        while len(content) >= 32:
            for lane in range(4):
                lanes[lane] = mixed(lanes[lane], int.from_bytes(content[8 * lane : 8 * lane + 8], "little"))
            content = content[32:]
        digest = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            digest = ((digest ^ mixed(0, lane)) * p1 + p4) & MASK
    digest = (digest + size) & MASK
    while len(content) >= 8:
        digest = (rotate(digest ^ mixed(0, int.from_bytes(content[:8], "little")), 27) * p1 + p4) & MASK
        content = content[8:]
    if len(content) >= 4:
        digest = (rotate(digest ^ int.from_bytes(content[:4], "little") * p1 & MASK, 23) * p2 + p3) & MASK
        content = content[4:]
    for byte in content:
        digest = rotate(digest ^ byte * p5 & MASK, 11) * p1 & MASK
    digest = (digest ^ digest >> 33) * p2 & MASK
    digest = (digest ^ digest >> 29) * p3 & MASK
    return digest ^ digest >> 32
