"""Text as people type and paste it: invisible marks, odd spaces and other scripts' digits, made plain.

Everything here is total: any value of any JSON type, lone surrogates and megabytes included.
"""

from __future__ import annotations

import re
import unicodedata

# Bidirectional and other invisible marks, BOM, soft hyphen, zero-width space; not ZWNJ and ZWJ, which Persian and Indic
# spelling needs; lone surrogates cannot be stored as UTF-8 at all.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_JOINERS_AT_EDGE = re.compile("(?<!\\w)[\u200c\u200d]+|[\u200c\u200d]+(?!\\w)")
_NON_ASCII_DIGIT = re.compile(r"[^\D0-9]")
# Words of letters and marks that none of the rules here changes: precomposed Latin, Arabic and Cyrillic, single spaces between.
_PLAIN_LETTERS = "!-~\u00a1-\u00ac\u00ae-\u0148\u014a-\u017f\u0400-\u0481\u0621-\u063a\u0641-\u064a"
_AS_IT_IS = re.compile(f"[{_PLAIN_LETTERS}]+(?: [{_PLAIN_LETTERS}]+)*").fullmatch


def clean_text(raw: object) -> str | None:
    """The text trimmed, in NFC, white space collapsed, invisible marks gone; None when nothing visible is left.

    A whole number becomes its digits; every other type than text is None.
    """
    text = raw if isinstance(raw, str) else _plain(raw)
    if not text:
        return None
    if text.isascii():
        if text[0] != " " and text[-1] != " " and "  " not in text and text.isprintable():
            return text
    elif _AS_IT_IS(text):
        return text
    if not text.isascii():
        text = _JOINERS_AT_EDGE.sub("", _INVISIBLE.sub("", text))
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return " ".join(text.split()) or None


def fold_text(raw: object) -> str | None:
    """As `clean_text`, in NFKC and with every script's digits as ASCII: for numbers and codes, not for names."""
    text = _plain(raw)
    if text is None or text.isascii():
        return clean_text(text)
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).replace("\u200c", "").replace("\u200d", "")
    return clean_text(_NON_ASCII_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text))


def _plain(raw: object) -> str | None:
    """Text as it is; a number as its digits (a float such as 565445254.0, left by a spreadsheet, must not gain one)."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, float):
        if not raw.is_integer() or abs(raw) >= 1e18:  # beyond that a float no longer holds every digit
            return None
        raw = int(raw)
    return str(raw) if abs(raw) < 10**18 else None


def word_set(text: str) -> frozenset[str]:
    """A word list as data: the words of the text."""
    return frozenset(text.split())
