"""What speaks against two records being one customer."""

import pytest

from pipeline.vetoes import EMAIL, MOBILE, VAT, Face, compare, is_vetoed, read_face

ANNA = read_face("Anna", None, "Rom", "Anna Rom", None, None)
BEN = read_face("Ben", None, "Rom", "Ben Rom", None, None)
TANJA = read_face("Tanja", None, "Rom", "Tanja Rom", None, None)
TNJA = read_face("Tnja", None, "Rom", "Tnja Rom", None, None)
NOBODY = read_face(None, None, None, None, None, None)


def company(name: str, contact: str | None = None) -> Face:
    return read_face(contact, None, "Rom" if contact else None, contact and f"{contact} Rom", name, True)


@pytest.mark.parametrize(
    ("left", "right", "keys", "same_vat", "expected", "why"),
    [
        (ANNA, BEN, EMAIL | MOBILE, False, True, "couples share both"),
        (ANNA, NOBODY, MOBILE, False, False, "a missing name cannot veto"),
        (TANJA, TNJA, MOBILE, False, True, "a slip in a short name and one key"),
        (TANJA, TNJA, EMAIL | MOBILE, False, False, "two agreeing keys outweigh a spelling"),
        (company("Hansen Bygg AS"), company("Hansen Bygg"), VAT, True, False, "only the legal form differs"),
        (company("Hansen Bygg AS"), company("Hansen Bygg Oslo AS"), VAT, True, False, "one only says more"),
        (company("Hansen Bygg"), company("Hansen Byygg"), VAT, True, False, "a slip"),
        (company("Kafe Nord Oslo"), company("Kafe Nord Bergen"), VAT, True, True, "branches under one VAT number"),
        (company("Filiale 1"), company("Filiale 2"), VAT, True, True, "numbers are never slips"),
        (company("Nord", "Anna"), company("Nord", "Ben"), VAT, True, True, "contact persons clearly different"),
        (company("Nord", "Anna"), company("Sued", "Anna"), EMAIL, False, False, "one person with two companies"),
        (company("Nord", "Anna"), company("Sued", "Anna"), EMAIL | VAT, True, True, "the same, as branches"),
        (ANNA, company("Nord Bygg"), EMAIL, False, True, "a person and a company"),
        (ANNA, company("Nord Bygg"), EMAIL | VAT, True, False, "a person and a company under one VAT number"),
        (ANNA, company("Anna Rom Bygg"), EMAIL, False, False, "a sole trader's company bears the name"),
        (ANNA, company("Nord Bygg", "Anna"), EMAIL, False, False, "a company's contact person"),
    ],
)
def test_a_pair_is_vetoed_or_not(left: Face, right: Face, keys: int, same_vat: bool, expected: bool, why: str) -> None:
    assert is_vetoed(compare(left, right), keys, same_vat) is expected, why
    assert is_vetoed(compare(right, left), keys, same_vat) is expected, f"{why}, the other way round"
