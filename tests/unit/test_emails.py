"""E-mail addresses: one normal form, nothing guessed."""

import pytest

from mappings.transforms.emails import is_role_address, parse_email


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("Ana@Example.COM", "ana@example.com"),
        (" ana@example.com\u200e\t", "ana@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        ("Ana Schmidt <ana@example.com>", "ana@example.com"),
        ("ana@example.com;", "ana@example.com"),
        ("ana＠example.com", "ana@example.com"),
        ("jose\u0301@example.com", "josé@example.com"),  # NFC
        ("ana@xn--mller-kva.example", "ana@müller.example"),
        ("ana@MÜLLER.example", "ana@müller.example"),
        (
            "ana+till@example.com",
            "ana+till@example.com",
        ),  # no plus and no dot is dropped: only some providers ignore them
        ("a.n.a@example.com", "a.n.a@example.com"),
        ("ana@shop.test", "ana@shop.test"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
        ("ana@a-b--c.example.com", "ana@a-b--c.example.com"),
    ],
)
def test_an_address_has_one_normal_form(raw: str, address: str) -> None:
    assert parse_email(raw).address == address


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("n/a", "has no @"),
        ("ana@@example.com", "more than one @"),
        ("ana@example.com, bo@example.com", "more than one address"),
        ("ana schmidt@example.com", "a space inside the address"),
        ("ana@intranet", "the domain has no top level"),
        ("ana@example.c", "the domain has no top level"),
        ("ana@1.2.3.4", "the domain has no top level"),
        ("ana..x@example.com", "not a possible e-mail address"),
        (".ana@example.com", "not a possible e-mail address"),
        ("ana@localhost", "not a possible e-mail address"),
        ("ana@-x.de", "not a possible e-mail address"),
        ("ana@example.com.", "not a possible e-mail address"),
        ("@example.com", "not a possible e-mail address"),
        ("a" * 65 + "@example.com", "not a possible e-mail address"),
        ("\ud800@example.com", "not a possible e-mail address"),
        (7, "not text"),
        ("a" * 2_000, "too long for an e-mail address"),
    ],
)
def test_an_impossible_address_says_why(raw: object, problem: str) -> None:
    """In fixed phrases that quote nothing of it."""
    found = parse_email(raw)
    assert (found.address, found.problem) == (None, problem)


def test_nothing_there_is_no_problem() -> None:
    assert [(found.address, found.problem) for found in map(parse_email, (None, "", " \u200f"))] == [(None, "")] * 3


def test_mailboxes_of_a_function_are_told_from_peoples() -> None:
    assert all(
        map(
            is_role_address,
            ["info@example.com", "no-reply@example.com", "noreply42@example.com", "Kontakt@example.com"],
        )
    )
    assert not any(map(is_role_address, ["ana@example.com", "infoana@example.com", ""]))
