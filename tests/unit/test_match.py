"""The match step on three-row stores."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.match import MatchReport, MatchSettings, match
from pipeline.match_explain import contradiction, explain_pair

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = Path(__file__).parents[2] / "state" / "schema" / "0001_initial.sql"


class Store:
    """A store in memory with records put in by hand; every `match` is an hour later than the one before."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute("SET TimeZone = 'UTC'")
        self.con.execute(SCHEMA.read_text("utf-8"))
        self.ids = (f"c{number}" for number in itertools.count(1))
        self.now = NOW

    def put(
        self, system: str, record_id: str, name: str = "", reference: str | None = None, origin: str = "", **values: Any
    ) -> None:
        """Stage and normalise one record: `name` is `Given Family`."""
        given, _, family = name.partition(" ")
        self.gone(system, record_id)
        columns = {
            "full_name": name or None,
            "given_name": given or None,
            "family_name": family or None,
            "phone": values.get("mobile"),
            **values,
        }
        self.con.execute(
            f"INSERT INTO core.normalised (system, record_id, {', '.join(columns)}) VALUES (?, ?, {', '.join('?' for _ in columns)})",
            [system, record_id, *columns.values()],
        )
        self.con.execute("DELETE FROM core.records WHERE system = ? AND record_id = ?", [system, record_id])
        self.con.execute(
            "INSERT INTO core.records (system, record_id, payload, reference, seen_at) VALUES (?, ?, ?, ?, ?)",
            [system, record_id, f'{{"origin":"{origin}"}}', reference, self.now],
        )

    def gone(self, system: str, record_id: str) -> None:
        """The record is no longer live."""
        self.con.execute("DELETE FROM core.normalised WHERE system = ? AND record_id = ?", [system, record_id])
        self.con.execute("INSERT INTO core.changed VALUES (?, ?, 'r')", [system, record_id])

    def decide(self, kind: str, subject: str) -> None:
        """A decision an hour after the last match."""
        number = self.con.execute("SELECT count(*) FROM core.decisions").fetchall()[0][0]
        self.con.execute("INSERT INTO core.decisions VALUES (?, ?, ?, ?, 'r')", [f"d{number}", kind, subject, self.now])

    def pair(self, kind: str, left: str, right: str) -> None:
        left, right = (str(key.split(":")).replace("'", '"') for key in (left, right))
        self.decide(kind, f'{{"left":{left},"right":{right}}}')

    def match(self, **settings: Any) -> MatchReport:
        self.con.begin()
        report = match(self.con, "r", self.now, MatchSettings(**settings), lambda: next(self.ids))
        self.con.commit()
        assert self.rows("SELECT count(*) FROM core.changed") == [(0,)]
        self.now += timedelta(hours=1)
        return report

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()

    def customers(self) -> set[frozenset[str]]:
        """The partition, as sets of `system:record`."""
        rows = self.rows("SELECT list(system || ':' || record_id) FROM core.links GROUP BY customer_id")
        return {frozenset(keys) for (keys,) in rows}

    def customer(self, key: str) -> str:
        rows = self.con.execute(
            "SELECT customer_id FROM core.links WHERE system || ':' || record_id = ?", [key]
        ).fetchall()
        return str(rows[0][0])

    def reviews(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT left_system || ':' || left_record_id, right_system || ':' || right_record_id, key, decision FROM core.reviews ORDER BY ALL"
        )

    def held(self) -> set[str]:
        return {key for (key,) in self.rows("SELECT system || ':' || record_id FROM core.held")}


def together(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.con.close()


def test_records_that_share_a_key_are_one_customer_and_say_on_what(store: Store) -> None:
    store.put("a", "1", "Anna Rom", email="x@example.com", mobile="+4915110000001")
    store.put("b", "1", "Ana Rom", email="x@example.com")
    store.put("c", "1", "Ben Berg", email="y@example.com")
    store.match()
    assert store.rows("SELECT system, record_id, customer_id, is_primary, matched_on FROM core.links ORDER BY ALL") == [
        ("a", "1", "c1", True, ["email"]),
        ("b", "1", "c1", True, ["email"]),
        ("c", "1", "c2", True, []),
    ]


def test_clearly_different_people_at_one_phone_become_one_review_and_are_held(store: Store) -> None:
    store.put("a", "1", "Anna Rom", mobile="+4915110000001")
    store.put("b", "1", "Ben Rom", mobile="+4915110000001")
    store.put("c", "1", "Carla Rom", mobile="+4915110000001")
    report = store.match()
    assert store.customers() == together("a:1", "b:1", "c:1")
    assert store.reviews() == [("a:1", "b:1", "mobile:+4915110000001", None)]
    assert store.held() == {"a:1", "b:1", "c:1"}
    assert report.reviews_open == 1


def test_two_people_whom_one_till_keeps_apart_are_apart_everywhere_without_a_review(store: Store) -> None:
    store.put("a", "1", "Anna Rom", mobile="+4915110000001")
    store.put("a", "2", "Ben Rom", mobile="+4915110000001")
    store.put("b", "1", "Anna Rom", mobile="+4915110000001")
    store.match()
    assert store.customers() == together("a:1 b:1", "a:2")
    assert (store.reviews(), store.held()) == ([], set())


def test_a_nameless_record_at_a_couples_phone_is_nobody_in_particular(store: Store) -> None:
    store.put("a", "1", "Anna Rom", mobile="+4915110000001")
    store.put("a", "2", "Ben Rom", mobile="+4915110000001")
    store.put("b", "1", "", mobile="+4915110000001")
    store.match()
    assert store.customers() == together("a:1", "a:2", "b:1")
    assert store.held() == {"a:1", "a:2", "b:1"}


def test_names_that_agree_come_before_more_keys_that_agree(store: Store) -> None:
    """Anna Rom fits both companies' contacts, who may not meet (two VAT numbers): the name decides, not the second key."""
    store.put("a", "1", "Anna Rom", email="x@example.com", mobile="+4915110000001")
    store.put("b", "1", "Anna Rom", email="x@example.com", vat_number="DE288362273")
    store.put("c", "1", "Anna Berg", email="x@example.com", mobile="+4915110000001", vat_number="DE136695976")
    store.match()
    assert store.customers() == together("a:1 b:1", "c:1")


def test_a_nameless_record_does_not_bridge_two_people_who_share_nothing(store: Store) -> None:
    store.put("a", "1", "", mobile="+4915110000001", vat_number="DE288362273")
    store.put("b", "1", "Borvak Rom", vat_number="DE288362273")
    store.put("c", "1", "Tilune Rom", mobile="+4915110000001")
    store.match()
    assert store.customers() == together("a:1 b:1", "c:1")


def test_a_review_is_settled_by_a_decision_and_can_be_taken_back(store: Store) -> None:
    store.put("a", "1", "Anna Rom", mobile="+4915110000001")
    store.put("b", "1", "Ben Rom", mobile="+4915110000001")
    store.match()
    store.pair("apart", "b:1", "a:1")
    store.match()
    assert store.reviews() == [("a:1", "b:1", "mobile:+4915110000001", "apart")]
    assert store.held() == set()
    store.pair("merge", "a:1", "b:1")
    store.match()
    assert store.customers() == together("a:1 b:1")
    assert store.reviews() == [("a:1", "b:1", "mobile:+4915110000001", "merge")]
    store.pair("apart", "a:1", "b:1")
    store.match()
    assert store.customers() == together("a:1", "b:1")


def test_a_link_stays_when_the_key_changes_and_the_new_key_joins(store: Store) -> None:
    store.put("a", "1", "Anna Rom", email="x@example.com")
    store.put("b", "1", "Anna Rom", email="x@example.com")
    store.match()
    store.put("a", "1", "Anna Rom", email="new@example.com")
    store.put("c", "1", "Anna Rom", email="new@example.com")
    store.match()
    assert store.customers() == together("a:1 b:1 c:1")
    assert store.customer("c:1") == "c1"


def test_a_merge_keeps_the_older_id_and_retires_the_other(store: Store) -> None:
    store.put("b", "1", "Anna Rom", email="x@example.com")
    store.match()
    store.put("a", "1", "Anna Rom", mobile="+4915110000001")
    store.match()
    store.con.execute("INSERT INTO core.customers (customer_id) VALUES ('c1'), ('c2')")
    store.con.execute(
        "INSERT INTO core.bases (system, record_id, customer_id) VALUES ('a', '1', 'c2'), ('b', '1', 'c1')"
    )
    store.con.execute("DELETE FROM core.touched")
    store.put("c", "1", "Anna Rom", email="x@example.com", mobile="+4915110000001")
    store.match()
    assert store.customers() == together("a:1 b:1 c:1")
    assert store.customer("a:1") == "c1"
    assert store.rows("SELECT customer_id, merged_into FROM core.identities ORDER BY ALL") == [
        ("c1", None),
        ("c2", "c1"),
    ]
    assert store.rows("SELECT customer_id FROM core.customers") == [("c1",)]
    assert store.rows("SELECT system, customer_id FROM core.bases") == [("b", "c1")]
    assert store.rows("SELECT customer_id FROM core.touched") == [("c1",)]


def test_an_unlinked_record_leaves_for_good_and_the_larger_part_keeps_the_id(store: Store) -> None:
    for system in "abc":
        store.put(system, "1", "Anna Rom", email="x@example.com")
    store.match()
    store.decide("unlink", '{"system":"a","record_id":"1"}')
    store.match()
    store.put("a", "1", "Anna Rom", email="x@example.com", mobile="+4915110000001")
    store.match()
    assert store.customers() == together("a:1", "b:1 c:1")
    assert (store.customer("a:1"), store.customer("b:1")) == ("c2", "c1")
    assert store.reviews() == []
    store.pair("merge", "a:1", "b:1")
    store.match()
    assert store.customers() == together("a:1 b:1 c:1")


def test_a_value_held_by_many_of_one_system_identifies_nobody_until_it_is_held_by_few_again(store: Store) -> None:
    for number in range(4):
        store.put("a", str(number), "", email="till@example.com")
    store.put("b", "1", "", email="till@example.com")
    assert store.match(shared_after=3).shared == 1
    assert len(store.customers()) == 5
    assert store.rows("SELECT field, value, why, holders FROM core.shared_values") == [
        ("email", "till@example.com", "crowded", 5)
    ]
    store.put("a", "3", "", email="own@example.com")
    assert store.match(shared_after=3).shared == 0
    assert store.customers() == together("a:0 a:1 a:2 b:1", "a:3")


def test_five_clearly_different_people_make_a_value_shared(store: Store) -> None:
    for system, name in zip("abcde", ("Anna", "Ben", "Carla", "Dirk", "Elif"), strict=True):
        store.put(system, "1", f"{name} Rom", mobile="+4915110000001")
    assert store.match().shared == 1
    assert (store.reviews(), len(store.customers())) == ([], 5)


@pytest.mark.parametrize(
    ("settings", "email", "mobile"),
    [
        ({"ignore": frozenset({"Noreply@Example.com"})}, "noreply@example.com", None),
        ({"role_addresses": True}, "info@example.org", None),
        ({"on": ("email", "vat")}, None, "+4915110000001"),
        ({}, None, "+966555555555"),
    ],
)
def test_values_that_identify_nobody(
    store: Store, settings: dict[str, Any], email: str | None, mobile: str | None
) -> None:
    store.put("a", "1", "Anna Rom", email=email, mobile=mobile)
    store.put("b", "1", "Anna Rom", email=email, mobile=mobile)
    store.match(**settings)
    assert store.customers() == together("a:1", "b:1")


def test_our_own_reference_finds_the_customer_also_through_a_retired_id(store: Store) -> None:
    store.con.execute(
        "INSERT INTO core.identities VALUES ('old', '2025-01-01', '2025-02-01', 'kept', 'merged', 'r'), ('kept', '2024-01-01', NULL, NULL, 'new', 'r')"
    )
    store.con.execute("INSERT INTO core.links VALUES ('b', '1', 'kept', TRUE, ['created'], '2025-01-01')")
    store.put("b", "1", "Anna Rom")
    store.put("a", "1", "Anna Rom", reference="old")
    store.match()
    assert store.rows("SELECT system, customer_id, matched_on FROM core.links ORDER BY ALL") == [
        ("a", "kept", ["external_id"]),
        ("b", "kept", ["created"]),
    ]


def test_after_the_store_was_lost_our_own_reference_gives_the_customer_its_id_back(store: Store) -> None:
    lost = "0f8fad5b-d9cb-469f-a165-70867728950e"
    store.put("a", "1", "Anna Rom", reference=lost, origin="customer-sync", email="x@example.com")
    store.put("b", "1", "Anna Rom", email="x@example.com")
    store.put("c", "1", "Zoe Rom", reference="9b2f0d36-1d6f-4a6e-8a0f-2f9f0d9f7c11", origin="somebody else")
    store.match()
    assert store.customer("b:1") == lost
    assert store.customer("c:1") == "c1"


def test_duplicates_in_one_till_are_linked_and_the_oldest_is_primary(store: Store) -> None:
    for record_id in ("10", "9", "11"):
        store.put("a", record_id, "Anna Rom", email="x@example.com")
    store.match()
    assert store.rows("SELECT record_id FROM core.links WHERE is_primary") == [("9",)]
    store.gone("a", "9")
    store.match()
    assert store.rows("SELECT record_id FROM core.links WHERE is_primary") == [("10",)]
    store.put("a", "9", "Anna Rom", email="x@example.com")
    store.match()
    assert store.rows("SELECT record_id FROM core.links WHERE is_primary") == [("10",)], "the primary stays"


def test_a_record_that_is_gone_goes_where_its_customer_went(store: Store) -> None:
    store.put("a", "1", "Anna Rom", email="x@example.com")
    store.match()
    store.put("b", "1", "Anna Rom", mobile="+4915110000001")
    store.put("b", "2", "Anna Rom", mobile="+4915110000001")
    store.match()
    store.gone("b", "2")
    store.match()
    store.put("c", "1", "Anna Rom", email="x@example.com", mobile="+4915110000001")
    store.match()
    assert store.customers() == together("a:1 b:1 b:2 c:1")


def test_a_record_that_was_reused_for_somebody_else_is_held(store: Store) -> None:
    store.put("a", "1", "Anna Rom", email="x@example.com")
    store.put("b", "1", "Anna Rom", email="x@example.com")
    store.match()
    seen = '{"name":{"seen":["value",{"full":"Anna Rom","given":"Anna","middle":null,"family":"Rom"}]},"email":{"seen":["value","x@example.com"]}}'
    store.con.execute("INSERT INTO core.bases VALUES ('a', '1', 'c1', ?, '', 'r')", [seen])
    store.put("a", "1", "Ben Berg", email="ben@example.com")
    store.match()
    assert store.reviews() == [("a:1", "b:1", "reused:a:1", None)]
    assert store.held() == {"a:1"}
    store.pair("apart", "a:1", "b:1")
    store.match()
    assert store.customers() == together("a:1", "b:1")
    assert store.held() == set()


def test_why_says_the_key_the_veto_the_decision_and_since_when(store: Store) -> None:
    store.put("a", "1", "Anna Rom", mobile="+4915110000001")
    store.put("b", "1", "Ben Rom", mobile="+4915110000001")
    store.match()
    text = "\n".join(explain_pair(store.con, ("a", "1"), ("b", "1"), MatchSettings()))
    for part in ("two customers", "the same mobile", "veto: clearly different given names", "review merge"):
        assert part in text
    store.pair("merge", "a:1", "b:1")
    store.match()
    text = "\n".join(explain_pair(store.con, ("a", "1"), ("b", "1"), MatchSettings()))
    assert "one customer, c1, since 2026-01-01 01:00 UTC" in text
    assert "decided: merge, on 2026-01-01 01:00 UTC" in text


def test_a_merge_against_an_apart_of_others_is_refused_with_its_reason(store: Store) -> None:
    store.put("a", "1", "Anna Rom", email="x@example.com")
    store.put("b", "1", "Anna Rom", email="x@example.com")
    store.put("c", "1", "Anna Rom", email="y@example.com")
    store.pair("apart", "b:1", "c:1")
    store.match()
    assert "b:1 and c:1 were decided apart" in (contradiction(store.con, ("a", "1"), ("c", "1")) or "")
    store.pair("merge", "a:1", "c:1")
    store.match()
    assert store.customers() == together("a:1 b:1", "c:1")
