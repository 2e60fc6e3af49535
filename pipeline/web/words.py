"""What the engine's terse reasons mean to the people behind a counter: a sentence, and what they can do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

STATES: dict[str, str] = {
    "in_sync": "in sync",
    "excluded": "left out",
    "held": "held",
    "failing": "failing",
    "pending": "not there yet",
}

REASONS: dict[str, tuple[str, str]] = {
    "no_key": ("No e-mail, mobile or VAT number identifies this customer.", "Enter one at any till."),
    "missing_phone": ("This till demands a phone number, and no till knows one.", "Enter a phone number at any till."),
    "missing_name": ("This till demands a name, and no till knows one.", "Enter a name at any till."),
    "phone_taken": (
        "Another customer has this phone number in this till, which allows each number only once.",
        "Nothing, if the two share a phone. Otherwise correct the number of one of them.",
    ),
    "held_for_review": ("It may be the same person as another customer.", "Decide the possible match."),
    "conflict_review": ("Its tills were given different values.", "Choose the right value."),
    "suspected_anonymisation": (
        "Name, e-mail, phone and company were emptied at once in one till.",
        "If it was a mistake, enter them again there. If the person is to be forgotten: customer-sync privacy erase.",
    ),
    "read_only": ("This till is configured to be read only.", "Nothing, or set access: read-write."),
    "paused": ("This till is paused.", "Nothing, or take paused out of the configuration."),
    "creating_off": (
        "Nobody is created in this till (create: false).",
        "Nothing, or enter the customer there by hand.",
    ),
    "not_in_audience": ("The customer does not belong to those this till is for (only).", "Nothing, or widen only."),
    "deleted_there": ("It was deleted in this till, and is not made again.", "Enter it there by hand if it is wanted."),
    "deleted_elsewhere": ("It was deleted in another till.", "Nothing."),
    "open_balance": ("It is to be deleted, but has an open balance.", "Settle the balance."),
    "cleared_there": (
        "A value was emptied here on purpose, and is not filled in again.",
        "Enter it there if it is wanted.",
    ),
    "frozen": (
        "Two tills keep changing this value back and forth.",
        "Enter the right value once more, the same in both tills.",
    ),
    "undone": ("It was put back by undo, and stays so until somebody changes it.", "Nothing."),
    "ignored": ("You decided to leave this customer alone.", "Nothing."),
    "not_understood": ("A value in this till cannot be understood, so it is not overwritten.", "Correct it there."),
    "refused": ("This till refused the change.", "See what it said, and correct the value."),
    "validation": ("This till found a value wrong.", "See what it said, and correct the value."),
    "conflict": (
        "This till already has somebody with one of these values.",
        "See what it said: correct the value, or join the two customers there.",
    ),
    "invalid": ("This till found a value wrong.", "See what it said, and correct the value."),
    "unsupported": ("This till cannot do what was asked of it.", "Nothing, or do it there by hand."),
    "permission": ("Our credentials may not do this in this till.", "Grant the permission, then: customer-sync check."),
    "wrong_type": ("A field holds something that does not belong there.", "Correct it there, or tell the vendor."),
    "broken_text": ("A text holds characters that cannot be read.", "Enter it again there."),
    "not_an_object": ("The till sent something that is no customer.", "Look at what it sent, and tell the vendor."),
    "missing_id": ("The till sent a customer without an id.", "Look at what it sent, and tell the vendor."),
    "no_id": ("The till sent a customer without an id.", "Look at what it sent, and tell the vendor."),
    "bad_id": ("The till sent a customer with an impossible id.", "Look at what it sent, and tell the vendor."),
    "duplicate_id": ("The till sent two customers with one id.", "Look at what it sent, and tell the vendor."),
    "crowded": ("More records of one till have it than one person would.", "Nothing, if it is the shop's own."),
    "people": ("Five or more clearly different people have it.", "Nothing, or correct it where it is wrong."),
    "not_pulled": ("This till has not been read completely yet.", "Wait for its first complete run."),
    "unreachable": ("This till could not be reached.", "Nothing: the next run tries again."),
    "not_selected": ("The last run left this till out (--system).", "Nothing: the next full run does it."),
    "unknown": ("Nobody knows yet whether the last change arrived.", "Nothing: the next run looks."),
    "unsent": ("The run ended before this could be sent.", "Nothing: the next run sends it."),
    "moved": ("Somebody changed the record while we were writing.", "Nothing: the next run plans it again."),
    "found_there": ("A record that may be this customer turned up there.", "Nothing: the next run looks closer."),
    "not_confirmed": ("The change was not confirmed.", "Run it again and confirm."),
    "gone": ("The record vanished while we were writing.", "Nothing: the next run looks again."),
}

EXIT_CODES: dict[int, str] = {
    0: "done, nothing left over",
    1: "stopped by a bug in customer-sync",
    2: "configuration error; nothing was read or written",
    3: "done, but some records or writes were rejected",
    4: "stopped by a safety limit; nothing was written",
    5: "a system was unreachable or refused our credentials",
    6: "another run held this workspace",
}

UNITS: dict[str, str] = {
    "vat_number": "VAT number",
    "email": "e-mail",
    "is_business": "company?",
    "marketing_consent": "marketing consent",
    "is_vip": "VIP",
    "is_favourite": "favourite",
    "is_blocked": "blocked",
    "birth_date": "birthday",
}


def meaning(reason: str | None) -> str:
    """What a reason means, with the field it is about (`wrong_type:email`); an unknown one in its own words."""
    kind, _, field = (reason or "").partition(":")
    text = REASONS.get(kind, (plain(kind), ""))[0]
    return f"{text} ({plain(field)})" if field else text


def remedy(reason: str | None) -> str:
    """What to do about it."""
    return REASONS.get((reason or "").partition(":")[0], ("", ""))[1]


def plain(term: str) -> str:
    """A column, unit or reason as words: `vat_number` → "VAT number"."""
    return UNITS.get(term, term.replace("_", " "))


def local(moment: str, timezone: str, now: datetime) -> str:
    """An ISO time as people of this time zone write it; the day only where it is not today."""
    here = datetime.fromisoformat(moment).astimezone(ZoneInfo(timezone))
    today = now.astimezone(ZoneInfo(timezone)).date()
    if here.date() == today:
        return f"{here:%H:%M}"
    return f"{here.day} {here:%b %H:%M}" if here.year == today.year else f"{here.day} {here:%b %Y}"


def distance(moment: str, now: datetime) -> str:
    """ "3 min ago", "in 2 h"."""
    seconds = (datetime.fromisoformat(moment) - now.astimezone(UTC)).total_seconds()
    size = abs(seconds)
    if size < 10:
        return "just now"
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if size >= unit_s * (2 if unit_s > 60 else 1):
            number = f"{size / unit_s:.0f} {unit}"
            return f"in {number}" if seconds > 0 else f"{number} ago"
    return "just now"


def duration(started: str, finished: str) -> str:
    """How long something took."""
    seconds = (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
