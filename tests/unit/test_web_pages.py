"""One test per page: what it answers, for people and (its twin) for programs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.config import load_config
from pipeline.web.pages import ACTIONS, VIEWS
from pipeline.web.runs import HEIGHT, charts
from state import inbox
from tests.unit.dashboard import ARABIC, EVIL, asking, written_config

ROOT = Path(__file__).parents[2]
PAGES = ("/", "/customers", "/customers/c1", "/customers/c2", "/customers/c3", "/reviews", "/reviews?show=decided", "/conflicts",
         "/conflicts?show=waiting", "/rejects", "/shared", "/runs", "/runs/run1", "/runs/run2")  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_config(tmp_path_factory.mktemp("web")).with_name("customers.duckdb")


@pytest.fixture(scope="module")
def web(store: Path) -> Iterator[httpx.Client]:
    with asking(load_config(store.with_name("config.yaml"))) as client:
        yield client


def twin(page: str) -> str:
    path, _, query = page.partition("?")
    return ("/overview.json" if path == "/" else f"{path}.json") + (f"?{query}" if query else "")


def asked(web: httpx.Client, page: str) -> Any:
    answer = web.get(twin(page))
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(web: httpx.Client, **query: str) -> list[str]:
    return [row["customer_id"] for row in web.get("/customers.json", params=query).json()["customers"]]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_twin_and_nothing_acts_in_it(web: httpx.Client, page: str) -> None:
    answer = web.get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert EVIL not in answer.text
    assert "alert('x')" not in answer.text
    assert not re.search(r"""\sstyle=|\son\w+=|javascript:|<style""", answer.text), "our own policy forbids it"
    assert re.findall(r"<script[^>]*>", answer.text) == ['<script src="/static/htmx.min.js" defer>']
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", answer.text), "nothing comes from elsewhere"
    assert f'href="{twin(page)}"' in answer.text
    assert web.get(twin(page)).headers["content-type"] == "application/json"


def test_no_page_was_left_out_of_these_tests() -> None:
    pages = {re.sub(r"/[^/]+\d$", "/{}", page.partition("?")[0]) for page in PAGES}
    assert {re.sub(r"\{\w+\}", "{}", view.path) for view in VIEWS} | {"/"} == pages
    assert {action.path for action in ACTIONS} == {"/reviews/{review_id}", "/conflicts"}


def test_the_overview_says_what_to_do_and_where_to_look(web: httpx.Client) -> None:
    found = asked(web, "/")
    assert [(item["text"], item["href"]) for item in found["todo"]] == [
        ("berlin was not read for longer than it should be. Is the daemon running?", "/runs"),
        ("oslo could not be used in the last run (unreachable). Run: customer-sync check", "/runs/run2"),
        ("riyadh was not read for longer than it should be. Is the daemon running?", "/runs"),
        ("riyadh refuses 1 customer.", "/customers?system=riyadh&state=failing"),
        ("1 record could not be understood.", "/rejects"),
        ("Decide 1 possible match.", "/reviews"),
    ]
    assert found["verdict"] == "needs_you"
    page = web.get("/").text
    assert "6 things need you." in page
    assert "/customers?system=oslo&amp;state=excluded&amp;reason=no_key" in page


def test_each_customer_stands_in_each_system_in_exactly_one_way(web: httpx.Client) -> None:
    found = {system["system"]: system["states"] for system in asked(web, "/")["systems"]}
    assert found == {
        "berlin": {"in_sync": 4, "excluded": 0, "held": 0, "failing": 0, "pending": 0},
        "oslo": {"in_sync": 1, "excluded": 1, "held": 1, "failing": 0, "pending": 1},
        "riyadh": {"in_sync": 2, "excluded": 0, "held": 1, "failing": 1, "pending": 0},
    }
    for system, states in found.items():
        for state, number in states.items():
            assert len(ids(web, system=system, state=state)) == number, (
                f"the count of {system} {state} leads to other rows"
            )


def test_a_reason_leads_to_its_rows_and_what_to_do(web: httpx.Client) -> None:
    assert ids(web, system="oslo", state="excluded", reason="no_key") == ["c2"]
    page = web.get("/customers", params={"system": "oslo", "reason": "no_key"}).text
    assert "No e-mail, mobile or VAT number identifies this customer." in page
    assert "Enter one at any till." in page


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("müller", ["c1"]), ("MULLER", ["c1"]), ("ana", ["c1"]), ("العتيبي", ["c3"]), ("ANA@example", ["c1"]), ("+49 151 1234", ["c1"]),
        ("0151/12345678", ["c1"]), ("0049 151", ["c1"]), ("de 288 362 273", ["c1"]), ("c1", ["c1"]), ("o1", ["c1"]), ("berlin:b4", ["c4"]),
        ("<script>", ["c2"]), ("%", []), ("' OR 1=1 --", []), ("  ", ["c2", "c1", "c4", "c3"]),
    ],
)  # fmt: skip
def test_search_by_name_email_phone_vat_and_id(web: httpx.Client, text: str, found: list[str]) -> None:
    assert ids(web, q=text) == found


def test_one_customer_shows_where_each_value_came_from_and_why(web: httpx.Client) -> None:
    found = asked(web, "/customers/c1")
    values = {row["field"]: row for row in found["values"]}
    assert values["full_name"]["source"] == {"system": "berlin", "record_id": "b1", "since": "2026-03-01T09:00:00Z"}
    assert [(said["system"], said["value"], said["differs"]) for said in values["full_name"]["said"]] == [
        ("berlin", "Ana Müller", False), ("oslo", "Ana M.", True), ("riyadh", None, False),
    ]  # fmt: skip
    assert values["email"]["why"] == "the newest of several changes"
    assert "gender" not in values, "what a vendor fills in by itself is nobody's opinion"


def test_one_customer_shows_what_happened_newest_first(web: httpx.Client) -> None:
    events = asked(web, "/customers/c1")["events"]
    assert [(event["kind"], event["at"]) for event in events][:3] == [
        ("write", "2026-03-02T10:00:01Z"), ("conflict", "2026-03-02T10:00:00Z"), ("read", "2026-03-02T10:00:00Z"),
    ]  # fmt: skip
    assert [event["changed"] for event in events if event["kind"] == "read"] == [{"name": ["Anna", "Ana"]}, {}]


def test_a_name_reads_in_its_own_direction(web: httpx.Client) -> None:
    assert f'<bdi dir="auto">{ARABIC}</bdi>' in web.get("/customers/c3").text


def test_a_run_shows_plan_and_writes_before_and_after(web: httpx.Client) -> None:
    found = asked(web, "/runs/run2")
    assert [(row["system"], row["operation"], row["customer"]) for row in found["planned"]] == [
        ("oslo", "create", "Zoe")
    ]
    assert found["writes"][0]["fields"] == {"email": ["old@example.com", "ana@example.com"]}
    filtered = asked(web, "/runs/run2?system=riyadh&operation=create&status=failed")
    assert [row["customer_id"] for row in filtered["writes"]] == ["c2"]
    assert "stopped" not in web.get("/runs/run2").text
    assert asked(web, "/runs/run1")["writes"] == asked(web, "/runs/run1")["planned"] == []


def test_the_chart_stands_on_its_line_and_shows_even_little_work() -> None:
    """A run with one update beside one with ten thousand is still seen."""
    base: dict[str, Any] = dict.fromkeys(
        ("records_new", "records_changed", "records_unchanged", "records_rejected", "created", "updated", "deleted"), 0
    )
    base |= {"started_at": "2026-03-01T09:00:00Z", "exit_code": 0}
    runs = [base | {"run_id": "a", "created": 10_000}, base | {"run_id": "b", "updated": 1}, base | {"run_id": "c"}]
    bars = charts(runs)[1]["bars"]
    assert bars[0]["parts"] == [{"kind": "created", "y": 0.0, "height": float(HEIGHT)}]
    assert bars[1]["parts"] == [{"kind": "updated", "y": HEIGHT - 1.5, "height": 1.5}]
    assert bars[2]["parts"] == []
    assert charts([])[0]["bars"] == []


def test_rejects_are_grouped_by_cause(web: httpx.Client) -> None:
    found = asked(web, "/rejects?system=riyadh&stage=write&reason=refused")
    assert {(cause["system"], cause["stage"], cause["reason"], cause["number"]) for cause in found["causes"]} == {
        ("riyadh", "write", "refused", 1), ("oslo", "pull", "not_an_object", 1),
    }  # fmt: skip
    assert [(row["system"], row["customer_id"]) for row in found["rejects"]] == [("riyadh", "c2")]


def test_shared_values_lead_to_who_has_them(web: httpx.Client) -> None:
    assert asked(web, "/shared")["shared"] == [
        {"field": "email", "value": "shop@example.com", "why": "crowded", "holders": 40}
    ]
    assert "/customers?q=shop%40example.com" in web.get("/shared").text


def test_only_the_latest_conflict_of_a_field_is_shown(web: httpx.Client) -> None:
    (conflict,) = asked(web, "/conflicts")["conflicts"]
    assert [(c["value"], c["is_used"]) for c in conflict["candidates"]] == [
        ("ana@example.com", True),
        ("an@example.com", False),
    ]
    assert asked(web, "/conflicts?show=waiting")["conflicts"] == []


def csrf(web: httpx.Client) -> str:
    return web.get("/reviews").text.partition('name="csrf" value="')[2].partition('"')[0]


def test_a_review_is_decided_into_the_inbox_and_the_page_says_when_it_counts(web: httpx.Client, store: Path) -> None:
    answer = web.post("/reviews/rev1", data={"kind": "apart", "csrf": csrf(web)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/reviews#review-rev1")
    (decision,) = inbox.pending(store)
    assert (decision.kind, decision.subject["review_id"]) == ("apart", "rev1")
    page = web.get("/reviews").text
    assert "You decided: <b>two people</b>. Applied by the next run, <time" in page
    assert not any("possible match" in item["text"] for item in asked(web, "/")["todo"])
    assert "1 of your decisions waits for the next run" in web.get("/").text
    inbox.taken(store, [decision.decision_id])


def test_a_value_is_chosen_into_the_inbox_and_only_one_that_a_till_said(web: httpx.Client, store: Path) -> None:
    form = {
        "customer_id": "c1",
        "field": "email",
        "system": "oslo",
        "record_id": "o1",
        "back": "customer",
        "csrf": csrf(web),
    }
    assert web.post("/conflicts", data=form | {"record_id": "o2"}).status_code == 409
    assert web.post("/conflicts", data=form | {"field": "phone"}).status_code == 404
    assert inbox.pending(store) == []
    answer = web.post("/conflicts", data=form | {"value": "mine@example.com"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers/c1")
    (decision,) = inbox.pending(store)
    assert (decision.kind, decision.subject) == (
        "value",
        {"customer_id": "c1", "unit": "email", "value": "an@example.com"},
    )
    assert "You chose" in web.get("/customers/c1").text
    inbox.taken(store, [decision.decision_id])


@pytest.mark.parametrize("form", [{"kind": "delete"}, {}])
def test_a_review_is_merge_or_apart_and_nothing_else(web: httpx.Client, store: Path, form: dict[str, str]) -> None:
    assert web.post("/reviews/rev1", data=form | {"csrf": csrf(web)}).status_code == 409
    assert inbox.pending(store) == []


@pytest.mark.parametrize(
    "page", ["/customers/nobody", "/runs/none", "/nowhere", "/customers/%3Cscript%3E", "/static/nothing.css"]
)
def test_what_is_not_there_is_404_and_not_repeated(web: httpx.Client, page: str) -> None:
    answer = web.get(page)
    assert answer.status_code == 404
    assert "nobody" not in answer.text
    assert "script>" not in answer.text.replace("</script>", "").replace("defer>", "")


@pytest.mark.parametrize(
    "query",
    [
        "page=999",
        "page=-1",
        "page=x",
        "page=²",
        "page=99999999999",
        "state=nonsense",
        "system=nowhere&state=held",
        "state=in_sync",
    ],
)
def test_odd_questions_get_an_answer(web: httpx.Client, query: str) -> None:
    assert web.get(f"/customers?{query}").status_code == 200
    assert web.get(f"/runs/run2?{query}").status_code == 200


def test_before_the_first_run_the_overview_says_how_to_begin(tmp_path: Path) -> None:
    with asking(load_config(written_config(tmp_path, filled=False))) as web:
        page = web.get("/")
        assert page.status_code == 200
        assert "Nothing has been read yet." in page.text
        assert "customer-sync backfill" in page.text
        assert web.get("/customers").status_code == 503
        assert web.get("/customers.json").json()["problem"].startswith("There is nothing to read yet")


def test_many_readers_at_once(web: httpx.Client) -> None:
    """Connections of one process share DuckDB's settings; the second one used to find them locked."""
    answers: list[int] = []

    def read() -> None:
        answers.extend(web.get(page).status_code for page in ("/customers.json", "/runs.json", "/overview.json"))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 18


def test_every_reader_of_one_process_sees_utc_and_no_other_machine_setting(store: Path) -> None:
    """Only the first connection may still set the time zone; the others must find it set."""
    script = (
        "import sys; from pathlib import Path; from pipeline.query import open_snapshot\n"
        "zone = 'SELECT current_setting($$TimeZone$$)'\n"
        "with open_snapshot(Path(sys.argv[1])) as one, open_snapshot(Path(sys.argv[1])) as two:\n"
        "    print(one.execute(zone).fetchall(), two.execute(zone).fetchall())"
    )
    command = [sys.executable, "-c", script, str(store)]
    environment = {**os.environ, "TZ": "Asia/Riyadh"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said == "[('UTC',)] [('UTC',)]\n"
