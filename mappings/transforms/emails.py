"""E-mail addresses to the one form that is compared: NFC, lower case, the domain in Unicode. Nothing is guessed.

Dots and plus tags stay: only some providers ignore them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mappings.transforms.typed_text import clean_text, word_set


@dataclass(frozen=True, slots=True)
class Email:
    """An address in normal form, or why there is none: `problem` is one of a few fixed phrases, to be counted."""

    address: str | None
    problem: str = ""


_NOTHING = Email(None)
_LONGEST = 1_000  # far beyond RFC 5321's 254, so that a name or `mailto:` around the address still fits

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# Labels with hyphens in places three and four go the long way: they are punycode or reserved.
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*").fullmatch
_DOMAIN = re.compile(rf"(?:(?!..--){_LABEL}\.)+[a-z]{{2,63}}")

_MAILTO = re.compile(r"^(?:mailto|e-?mail)\s*:\s*", re.IGNORECASE)
_NAMED = re.compile(r"^[^<>@]*<([^<>]+)>$")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

# Mailboxes of a function, not of a person (RFC 2142 and the usual ones of shops in the languages we meet).
_ROLES = word_set(
    """abuse accounting accounts admin administrator atencion bestellung bestilling billing booking bookings
    buchhaltung buero buro comercial compras contact contacto contact-us customercare customerservice einkauf
    empfang epost facturas faktura faktury feedback finance firmapost help helpdesk hello hei hola hostmaster hr
    info informacion information infos invoice invoices jobs kasse kontakt kontor kundenservice kundeservice
    mail mailer-daemon marketing newsletter no-reply noreply do-not-reply donotreply nepasrepondre office ordre
    order orders post postmaster postmottak privacy rechnung rechnungen reception regnskap reservas reservation
    reservations reservierung root sales secretariat sekretariat service shop support team ventas verkauf
    vertrieb webmaster welcome zentrale"""
)


def parse_email(raw: object) -> Email:
    """The address in normal form; None with a problem when it is impossible, None without one when there is nothing."""
    if not isinstance(raw, str):
        return _NOTHING if raw is None else Email(None, "not text")
    if len(raw) > _LONGEST:
        return Email(None, "too long for an e-mail address")
    plain = plain_address(raw)
    return Email(plain) if plain else _parse(raw)


def plain_address(raw: object) -> str | None:
    """The normal form of an ordinary address, as nearly all are; None where `parse_email` has to look closer."""
    if not isinstance(raw, str):
        return None
    lower = raw.lower()
    local, _, domain = lower.partition("@")
    return lower if len(lower) <= 254 and len(local) <= 64 and _LOCAL(local) and _is_plain_domain(domain) else None


@lru_cache(maxsize=8192)
def _is_plain_domain(domain: str) -> bool:
    return _DOMAIN.fullmatch(domain) is not None


@lru_cache(maxsize=65_536)
def _parse(raw: str) -> Email:
    text = clean_text(raw)
    if text is None:
        return _NOTHING
    text = _MAILTO.sub("", text.translate(_FULL_WIDTH))
    if named := _NAMED.match(text):
        text = named[1].strip()
    text = clean_text(text.rstrip(" ,;").lower()) or ""
    plain = plain_address(text)
    return Email(plain) if plain else _judge(text)


def _judge(text: str) -> Email:
    """The long way, for what the fast path does not know: international addresses and everything broken."""
    if "@" not in text:
        return Email(None, "has no @")
    if text.count("@") > 1:
        return Email(None, "more than one address" if re.search(r"[\s,;/]", text) else "more than one @")
    if " " in text:
        return Email(None, "a space inside the address")
    if (
        len(text.partition("@")[0].encode(errors="replace")) > 64
    ):  # RFC 5321, section 4.5.3.1.1; the library lets it pass
        return Email(None, "not a possible e-mail address")
    from email_validator import EmailNotValidError, validate_email

    try:
        # Not "globally deliverable": a test shop's example.test is an address too; the dot is asked for below instead.
        found = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except (EmailNotValidError, ValueError):  # UnicodeError, too, is a ValueError
        return Email(None, "not a possible e-mail address")
    address = found.normalized.lower()
    top = found.ascii_domain.rpartition(".")[2] if "." in found.ascii_domain else ""
    if len(top) < 2 or top.isdigit():
        return Email(None, "the domain has no top level")
    if address != text and _parse(address).address != address:  # a form that is not its own normal form is no key
        return Email(None, "not a possible e-mail address")
    return Email(address)


def is_role_address(address: str) -> bool:
    """Whether the mailbox names a function (info@, sales@, noreply@) rather than a person."""
    local = address.partition("@")[0].partition("+")[0].lower()
    return local in _ROLES or local.startswith(("noreply", "no-reply", "no_reply", "donotreply"))
