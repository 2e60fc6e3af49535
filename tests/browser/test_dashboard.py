"""The dashboard as people meet it: a real Chromium, a real server, real runs against the simulated tills.

Screenshots of every page on a desk, a phone and in the dark are left in `var/screenshots`, to be looked at.
"""

from __future__ import annotations

import pytest

from tests.browser.conftest import SCREENSHOTS, served
from tests.browser.driver import Browser
from tests.engine import Workshop

ENTER = "\ue007"
TAB = "\ue004"
PAGES = ("/", "/customers", "/reviews", "/conflicts", "/rejects", "/shared", "/runs")


@pytest.fixture(autouse=True)
def desk(chromium: Browser) -> None:
    chromium.size(1280, 900)
    chromium.dark(False)


def shot(chromium: Browser, name: str) -> None:
    """The same page on a desk, in the dark and on a phone."""
    for suffix, width, dark in (("desk", 1280, False), ("dark", 1280, True), ("phone", 360, False)):
        chromium.size(width, 900)
        chromium.dark(dark)
        chromium.screenshot(SCREENSHOTS / f"{name}-{suffix}.png")


def test_the_overview_leads_to_a_failing_row_and_its_reason(chromium: Browser, address: str) -> None:
    chromium.open(address)
    assert "3 things need you." in chromium.text("h1")
    chromium.click(chromium.link("oslo refuses 1 customer."))
    chromium.until("#found", "1 customer")
    chromium.click(chromium.link("Bo Lind"))
    chromium.until("h1", "Bo Lind")
    assert "already has somebody" in chromium.text("main"), "what the refusal means"
    assert "email is taken" in chromium.text("main"), "what the till said"
    shot(chromium, "failing-customer")


def test_a_match_is_decided_with_the_keyboard_and_applied_by_the_next_sync(
    chromium: Browser, address: str, shop: Workshop
) -> None:
    chromium.open(f"{address}/reviews")
    chromium.find("button[value=apart]")
    chromium.run("document.querySelector('button[value=merge]').focus()")
    chromium.press(TAB)
    assert chromium.run("return document.activeElement.value") == "apart"
    shot(chromium, "match-to-decide")
    chromium.press(ENTER)
    chromium.until("article.review", "You decided: two people. Applied by the next run")
    assert shop.query("SELECT decision FROM reviews") == [(None,)], "nothing is decided before the run"
    shop.sync()
    chromium.open(f"{address}/reviews")
    assert "Nothing to decide." in chromium.text("main")
    chromium.click(chromium.link("decided"))
    chromium.until("article.review", "Decided: two people.")
    found = shop.query("SELECT full_name, systems FROM customers WHERE family_name = 'Ostermann' ORDER BY 1")
    assert [name for name, systems in found if {"berlin", "oslo"} <= set(systems)] == [
        "Ines Ostermann",
        "Jonas Ostermann",
    ]


def test_a_conflict_is_resolved_and_the_chosen_value_is_in_every_till(
    chromium: Browser, address: str, shop: Workshop
) -> None:
    chromium.open(f"{address}/conflicts?show=waiting")
    assert "carla.oslo@example.com" in chromium.text("article.conflict")
    shot(chromium, "conflict-to-decide")
    chromium.click(chromium.find("article.conflict li:last-child button"))
    chromium.until("article.conflict", "You chose carla.riyadh@example.com. Applied by the next run")
    shop.sync()
    chromium.open(f"{address}/conflicts?show=waiting")
    assert "None." in chromium.text("main")
    emails = shop.query(
        "SELECT DISTINCT r.email FROM records AS r JOIN customers AS c USING (customer_id) WHERE c.full_name = 'Carla Voss'"
    )
    assert emails == [("carla.riyadh@example.com",)]


def test_search_answers_while_you_type(chromium: Browser, address: str) -> None:
    chromium.open(f"{address}/customers")
    chromium.run("window.same = true")
    chromium.type(chromium.find("#q"), "voss")
    chromium.until("#found", "1 customer")
    assert "Carla Voss" in chromium.text("#found")
    assert chromium.run("return window.same"), "the page was loaded anew"
    assert chromium.url.endswith("q=voss&system=&state=")


def test_a_hostile_name_does_nothing_and_an_arabic_one_reads_from_the_right(chromium: Browser, address: str) -> None:
    chromium.open(f"{address}/customers?q=script")
    assert "<script>alert(1)</script>" in chromium.text("#found")
    chromium.click(chromium.find("#found tbody a"))
    chromium.until("h1", "<script>")
    assert chromium.run("return document.querySelectorAll('main script, main b b').length") == 0
    chromium.open(f"{address}/customers?q=m.otaibi")
    assert chromium.run("return getComputedStyle(document.querySelector('#found bdi')).direction") == "rtl"
    chromium.click(chromium.find("#found tbody a"))
    chromium.until("h1", "محمد")
    shot(chromium, "customer")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_fits_a_phone_has_a_dark_dress_and_breaks_no_rule_of_its_own(
    chromium: Browser, address: str, page: str
) -> None:
    chromium.open(f"{address}{page}")
    chromium.find("h1")
    shot(chromium, page.strip("/") or "overview")
    assert chromium.run("return document.documentElement.scrollWidth") <= 360
    chromium.dark(True)
    assert chromium.run("return getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    assert chromium.complaints() == [], "a blocked style or script, a missing file, an error"


def test_the_password_lets_a_browser_in_and_leaving_shuts_it_out(chromium: Browser, shop: Workshop) -> None:
    shop.settings["daemon"] = {"password": "correct horse"}
    try:
        with served(shop) as address:
            chromium.open(f"{address}/customers")
            shot(chromium, "login")
            chromium.type(chromium.find("#password"), f"wrong{ENTER}")
            chromium.until("form", "This is not the password.")
            chromium.type(chromium.find("#password"), f"correct horse{ENTER}")
            chromium.until("main", "customers in 3 systems")
            chromium.click(chromium.find(".top form button"))
            chromium.find("#password")
            chromium.open(f"{address}/customers")
            chromium.find("#password")
    finally:
        del shop.settings["daemon"]
