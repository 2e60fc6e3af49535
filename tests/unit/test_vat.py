"""VAT numbers: every country's format, however it was typed, and nothing that only looks like one."""

import pytest

from mappings.transforms.vat import parse_vat

# One valid number per state: published samples of the authorities' formats, as the checks of python-stdnum use them.
VALID = [
    "ATU13585627",
    "BE0403019261",
    "BG175074752",
    "CY10259033P",
    "CZ25123891",
    "DE288362273",
    "DK13585628",
    "EE100931558",
    "EL094259216",
    "ESB58378431",
    "FI20774740",
    "FR40303265045",
    "HR33392005961",
    "HU12892312",
    "IE6433435F",
    "IT00743110157",
    "LT119511515",
    "LU15027442",
    "LV40003521600",
    "MT11679112",
    "NL004495445B01",
    "PL8567346215",
    "PT501964843",
    "RO18547290",
    "SE556188840401",
    "SI50223054",
    "SK2022749619",
    "XI980780684",
    "GB980780684",
    "CHE107787577",
    "NO923609016",
    "SA310122393500003",
    "AE100234567800003",
    "EU372022452",
]


@pytest.mark.parametrize("number", VALID)
def test_the_normal_form_of_every_state_is_its_own_normal_form(number: str) -> None:
    vat = parse_vat(number)
    assert (vat.number, vat.valid, vat.problem) == (number, True, "")


@pytest.mark.parametrize("number", VALID)
def test_spaces_dots_and_small_letters_do_not_matter(number: str) -> None:
    spaced = " ".join([number[:2].lower(), number[2:5].lower(), number[5:8], number[8:]])
    assert parse_vat(spaced).number == number
    assert parse_vat(f"VAT: {number[:4]}.{number[4:]}").number == number


@pytest.mark.parametrize("number", [number for number in VALID if number[:2] not in ("XI", "EU", "CH")])
def test_a_missing_prefix_comes_from_the_country(number: str) -> None:
    country = {"EL": "GR"}.get(number[:2], number[:2])
    assert parse_vat(number[2:], country=country).number == number
    assert parse_vat(number[2:]).number is None, "without a country it could be anybody's"


@pytest.mark.parametrize(
    "number", [number for number in VALID if number[:2] not in ("EU", "SA", "AE", "NL") and number[-1].isdigit()]
)
def test_a_wrong_check_digit_is_seen(number: str) -> None:
    wrong = [number[:-1] + digit for digit in "0123456789" if digit != number[-1]]
    assert (
        sum(parse_vat(text).number is not None for text in wrong) <= 2
    )  # some plans have several branches or no check


@pytest.mark.parametrize(
    ("raw", "country", "number"),
    [
        ("USt-IdNr.: DE288362273", None, "DE288362273"),
        ("Ust.-Id.-Nr. 288362273", "DE", "DE288362273"),
        ("Umsatzsteuer-Identifikationsnummer DE288362273", None, "DE288362273"),
        ("ＤＥ２８８３６２２７３", None, "DE288362273"),
        (288362273.0, "DE", "DE288362273"),
        ("923 609 016 MVA", "NO", "NO923609016"),
        ("923609016MVA", None, "NO923609016"),
        ("NO 923.609.016 mva", "DE", "NO923609016"),
        ("Org.nr. 923609016", "NO", "NO923609016"),
        ("Foretaksregisteret NO 923 609 016 MVA", None, "NO923609016"),
        ("٣١٠١٢٢٣٩٣٥٠٠٠٠٣", "SA", "SA310122393500003"),
        ("الرقم الضريبي: 310122393500003", "SA", "SA310122393500003"),
        ("TRN 100234567800003", "AE", "AE100234567800003"),
        ("GR094259216", None, "EL094259216"),
        ("CHE-107.787.577 MWST", None, "CHE107787577"),
        ("UID: ATU13585627", None, "ATU13585627"),
        ("N° TVA intracommunautaire: FR40303265045", None, "FR40303265045"),
        ("P.IVA 00743110157", "IT", "IT00743110157"),
        ("NIP: 856-734-62-15", "PL", "PL8567346215"),
        ("DIČ: CZ25123891", None, "CZ25123891"),
        ("40 303 265 045", "MC", "FR40303265045"),  # Monaco's companies are in the French register
    ],
)
def test_labels_endings_and_other_digits_are_read(raw: object, country: str | None, number: str) -> None:
    assert parse_vat(raw, country=country).number == number


@pytest.mark.parametrize(
    ("raw", "country", "problem"),
    [
        ("DE288362274", None, "wrong length, form or check digit"),
        ("NO923609017", None, "wrong length, form or check digit"),
        ("310122393500004", "SA", "wrong length, form or check digit"),
        ("NO000000000", None, "wrong length, form or check digit"),  # zeros pass the checksum
        ("300000000000003", "SA", "wrong length, form or check digit"),  # nothing but the frame
        ("123/456/78901", "DE", "a German Steuernummer, not a VAT number"),
        ("St.-Nr. 93815/08152", "DE", "a German Steuernummer, not a VAT number"),
        ("2893081508152", "DE", "a German Steuernummer, not a VAT number"),
        ("288362273", None, "no country known for it"),
        ("1234567890", "TR", "no rule for that country"),
        ("n/a", "DE", "no digits"),
        ("DE288362273 / DE136695976", None, "wrong length, form or check digit"),
        (["DE288362273"], None, "not a VAT number"),
        ("9" * 1_000, "DE", "too long for a VAT number"),
    ],
)
def test_what_is_not_a_vat_number_says_why(raw: object, country: str | None, problem: str) -> None:
    vat = parse_vat(raw, country=country)
    assert (vat.number, vat.valid, vat.problem) == (None, False, problem)


def test_the_prefix_beats_the_address_and_both_are_evidence() -> None:
    assert parse_vat("NO923609016", country="DE").evidence == "its prefix NO"
    assert parse_vat("923609016", country="NO").evidence == "read in NO, the country of the address"
    assert [parse_vat(raw).problem for raw in (None, "", " ")] == ["", "", ""]
