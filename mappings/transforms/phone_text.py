"""What stands around the digits of a phone number as people type it: labels, extensions, remarks, a second number."""

from __future__ import annotations

import re

from mappings.transforms.typed_text import fold_text

_LABELS = (
    r"mobiltelefon|mobilnummer|mobile?|mobil|mob|handynummer|handy|telefonnummer|telefoon|telefon|telefono|teléfono|telephone"
    r"|téléphone|telnr|tel|tlf|tfn|phone|fon|portable|port|móvil|movil|cellulare|cellular|cell|cel|gsm|privat|private|home|work|office"
    r"|büro|buero|dienstlich|geschäftlich|arbeit|festnetz|kontor|whatsapp|wa|nr|no|number|nummer|numéro|numero"
    r"|m|t|p|h|w|هاتف|جوال|الجوال|موبايل|تلفون|تليفون|رقم|الهاتف|واتساب|тел|моб|τηλ|κιν|電話|电话|手机|携帯"
)
# A one-letter label needs its colon or dot, else it is a slip of the finger.
_LABEL_BEFORE = re.compile(rf"^\W*(?:(?:{_LABELS})(?:[.:/=]+\s*|\s+|(?=[+(]|\d{{2}})))+(?=[+(\d])", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf"\s*[(\[,;-]?\s*\b(?:{_LABELS})\b\.?\s*[)\]]?\s*$", re.IGNORECASE)
_EXTENSION = re.compile(
    r"[\s,;(.-]*(?:;ext=|(?:extension|extn?|durchwahl|dw|nebenstelle|app|apparat|anexo|int|linje|доб|poste|interno|wew|تحويلة)[.:\s]*|x\s?|#\s?|~\s?)"
    r"(\d{1,7})\)?\s*#?$",
    re.IGNORECASE,
)
BETWEEN_NUMBERS = re.compile(
    r"[/;,|&\\]|\s(?:oder|or|und|and|og|eller|ou|et|o|y|e|u|i|lub|veya|أو|او|و|или)\s|\s-\s|(?<=\d)\s+(?=\+)"
)
LETTER = re.compile(r"[^\W\d_]")
LETTERS = re.compile(r"[^\W\d_]+")
OUTER_WORDS = re.compile(
    r"^(?:[^\W\d_][^\d+]{2,}?[\s:(]+(?=[+(\d]))?([+(]?[\d\s().+/-]*\d)(?:[\s,(]+[^\W\d_][^\d]{2,})?$"
)
_SPREADSHEET_FLOAT = re.compile(r"^(\d{6,})\.0$")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−ー"), "-")


def bare_number(raw: str) -> tuple[str, str | None]:
    """(number, extension) without labels around the number; other letters stay. ('', None) when nothing is there."""
    text = fold_text(raw)
    if text is None:
        return "", None
    text = _SPREADSHEET_FLOAT.sub(r"\1", text.translate(_DASHES).removeprefix("tel:"))
    text, extension = _take_extension(text)
    return (_LABEL_AFTER.sub("", _LABEL_BEFORE.sub("", text)) if LETTER.search(text) else text), extension


def _take_extension(text: str) -> tuple[str, str | None]:
    if found := _EXTENSION.search(text):
        before = text[: found.start()]
        if sum(character.isdigit() for character in before) >= 5:
            return before, found[1]
    return text, None
