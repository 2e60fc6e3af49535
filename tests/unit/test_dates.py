"""Birth dates: plain, and as instants in the account's time zone."""

from __future__ import annotations

import doctest
from datetime import date

import pytest

from mappings import Context, load_mappings
from mappings.canonical import EMPTY, State
from mappings.transforms import dates
from mappings.transforms.dates import date_of, instant_date, noon_instant

INVENTORUM = load_mappings(None)["inventorum"]
FOODICS = load_mappings(None)["foodics"]
BERLIN = Context("DE", ("DE",), "Europe/Berlin")
APRIL_30 = date(1985, 4, 30)


def test_examples() -> None:
    assert doctest.testmod(dates).failed == 0


@pytest.mark.parametrize(
    ("raw", "zone"),
    [
        ("1985-04-29T22:00:00Z", "Europe/Berlin"),  # midnight there, the day before in UTC
        ("1985-04-30T02:00:00+02:00", "Europe/Berlin"),
        ("1985-04-30T12:00:00Z", "Europe/Berlin"),
        ("1985-04-30T12:00:00.123Z", "Asia/Riyadh"),
        ("1985-04-30T12:00:00.1234567Z", "Asia/Riyadh"),
        ("1985-04-30t12:00:00z", "Asia/Riyadh"),
        ("1985-05-01T03:00:00Z", "America/Los_Angeles"),
        ("1985-04-30T23:30:00+13:00", "Pacific/Tongatapu"),
        ("1985-04-30", "Europe/Berlin"),
        ("1985-04-30T00:00:00", "Europe/Berlin"),
        ("1985-04-30 10:00:00+00:00", "Not/A_Zone"),
    ],
)
def test_an_instant_is_a_date_in_the_accounts_zone(raw: str, zone: str) -> None:
    assert instant_date(raw, zone) == APRIL_30


@pytest.mark.parametrize(
    "raw", ["", "soon", "0000-00-00", "1985-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", None, 19850430, [], True]
)
def test_what_is_no_date_is_none(raw: object) -> None:
    assert instant_date(raw, "America/Los_Angeles") is None
    assert date_of(raw) is None or raw == "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Auckland", "Etc/GMT+12", "Asia/Riyadh"]
)
@pytest.mark.parametrize("day", [APRIL_30, date(1985, 12, 31), date(1890, 1, 1), date(1, 1, 1), date(9999, 12, 31)])
def test_a_written_date_is_the_same_date_when_read(zone: str, day: date) -> None:
    assert instant_date(noon_instant(day, zone), zone) == day


def test_noon_utc_is_written() -> None:
    assert noon_instant(APRIL_30, "Europe/Berlin") == "1985-04-30T12:00:00Z"


@pytest.mark.parametrize("echo", ["1985-04-30T14:00:00+02:00", "1985-04-30T13:00:00+01:00", "1985-04-29T22:00:00Z"])
def test_the_same_date_in_another_offset_is_not_rewritten(echo: str) -> None:
    """Trap 8 of Inventorum's reference: comparing the text would write for ever."""
    assert INVENTORUM.put({"birth_date": APRIL_30}, {"birthday": echo}, BERLIN) == {}


def test_a_birthday_is_cleared_with_null() -> None:
    assert INVENTORUM.put({"birth_date": None}, {"birthday": "1985-04-30T12:00:00Z"}, BERLIN) == {"birthday": None}
    assert FOODICS.put({"birth_date": None}, {"birth_date": "1985-04-30"}, BERLIN) == {"birth_date": None}


def test_a_plain_date_keeps_its_spelling_until_it_changes() -> None:
    record = {"birth_date": "1985-04-30 00:00:00"}
    assert FOODICS.read(record, BERLIN)["birth_date"].value == APRIL_30
    assert FOODICS.put({"birth_date": APRIL_30}, record, BERLIN) == {}
    assert FOODICS.put({"birth_date": date(1985, 5, 1)}, record, BERLIN) == {"birth_date": "1985-05-01"}


@pytest.mark.parametrize("raw", ["", None, "  "])
def test_no_date_is_empty(raw: object) -> None:
    assert INVENTORUM.read({"birthday": raw}, BERLIN)["birth_date"] == EMPTY


@pytest.mark.parametrize("raw", ["0000-00-00", "30.04.1985", 19850430, ["1985"]])
def test_an_unreadable_date_is_unclear_and_kept(raw: object) -> None:
    reading = FOODICS.read({"birth_date": raw}, BERLIN)["birth_date"]
    assert (reading.state, reading.problem) == (State.UNCLEAR, "not a date")
    assert FOODICS.put({"birth_date": None}, {"birth_date": raw}, BERLIN) == {}
