"""Rotated tokens: durable before use, one refresh at a time, and the configured ones win again once they change."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from state.tokens import FileTokens

CONFIGURED = {"client_id": "app", "client_secret": "s", "access_token": "a0", "refresh_token": "r0"}


def test_kept_tokens_win_until_the_configured_ones_change(tmp_path: Path) -> None:
    """Contract: rotated refresh tokens win over the configured one until the configured one changes."""
    store = tmp_path / "customers.duckdb"
    assert FileTokens(store).load("berlin", CONFIGURED) == CONFIGURED
    FileTokens(store).save("berlin", CONFIGURED, {"access_token": "a1", "refresh_token": "r1", "expires_at": "soon"})
    kept = {"client_id": "app", "client_secret": "s", "access_token": "a1", "refresh_token": "r1", "expires_at": "soon"}
    assert FileTokens(store).load("berlin", CONFIGURED) == kept
    assert FileTokens(store).load("oslo", CONFIGURED) == CONFIGURED
    new_secret = CONFIGURED | {"client_secret": "t"}
    assert FileTokens(store).load("berlin", new_secret)["access_token"] == "a1"
    new_token = CONFIGURED | {"refresh_token": "r9"}
    assert FileTokens(store).load("berlin", new_token) == new_token


def test_the_pair_before_stays_in_the_file_for_a_person(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    tokens = FileTokens(store)
    for number in (1, 2):
        tokens.save("berlin", CONFIGURED, {"refresh_token": f"r{number}"})
    text = (tmp_path / "customers.duckdb.tokens").read_text()
    assert '"previous": {"refresh_token": "r1"}' in text
    assert "r0" not in text  # the configured one is kept as a hash only


def test_the_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    store = tmp_path / "var" / "customers.duckdb"
    FileTokens(store).save("berlin", CONFIGURED, {"refresh_token": "r1"})
    for file in store.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    (store.parent / "customers.duckdb.tokens.tmp").write_text("half")
    FileTokens(store).save("oslo", CONFIGURED, {"refresh_token": "o1"})
    assert FileTokens(store).load("berlin", CONFIGURED)["refresh_token"] == "r1"
    assert FileTokens(store).load("oslo", CONFIGURED)["refresh_token"] == "o1"


def test_one_refresh_at_a_time_and_no_save_is_lost(tmp_path: Path) -> None:
    """Eight threads with stores of their own, as eight processes would have: each reads what the one before it kept."""
    store = tmp_path / "customers.duckdb"

    def refresh() -> None:
        tokens = FileTokens(store)
        with tokens.locked("berlin"):
            now = int(tokens.load("berlin", {"refresh_token": "0"})["refresh_token"])
            time.sleep(0.002)
            tokens.save("berlin", {"refresh_token": "0"}, {"refresh_token": str(now + 1)})
        tokens.save(threading.current_thread().name, {}, {"access_token": "x"})

    threads = [threading.Thread(target=refresh, name=f"t{number}") for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tokens = FileTokens(store)
    assert tokens.load("berlin", {"refresh_token": "0"}) == {"refresh_token": "8"}
    assert all(tokens.load(f"t{number}", {}) == {"access_token": "x"} for number in range(8))


def test_a_lock_is_released_by_an_error(tmp_path: Path) -> None:
    tokens = FileTokens(tmp_path / "customers.duckdb")
    with pytest.raises(ValueError, match="refused"), tokens.locked("berlin"):
        raise ValueError("refused")
    with tokens.locked("berlin"), tokens.locked("oslo"):
        pass
