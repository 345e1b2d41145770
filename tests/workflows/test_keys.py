"""Keys are made, listed, exchanged and taken away; none is kept."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from leadml.domain.api_key import RateLimit
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.errors import ConfigError
from leadml.settings import ServeSettings, Settings
from leadml.workflows.key_file import read_keys, write_keys
from leadml.workflows.keys import add_key, list_keys, revoke_key, rotate_key

SCORE = frozenset({"score"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(definition=Definition(leads=LeadMapping()), root=tmp_path)


def test_a_key_is_made_with_256_random_bits_and_only_its_digest_is_kept(
    settings: Settings,
) -> None:
    made = add_key(settings, "crm", scopes=frozenset({"events", "score"}), limit=RateLimit(50, 1))
    # 32 random bytes are 43 letters of base64 without their padding.
    found = re.fullmatch(r"leadml_([a-z2-9]{10})_([A-Za-z0-9_-]{43})", made.key)
    assert found
    content = (settings.root / "keys.json").read_text()
    assert found[2] not in content
    (kept,) = read_keys(settings.keys_file)
    (digest,) = kept.digests
    assert (digest.id, digest.sha256) == (found[1], sha256(made.key.encode()).hexdigest())
    (listed,) = list_keys(settings)
    assert listed == {
        "name": "crm",
        "id": found[1],
        "scopes": ["events", "score"],
        "limit": "50/s",
        "created_at": kept.created_at.isoformat(),
        "expires_at": None,
        "expired": False,
        "rotated_at": None,
        "old_key_until": None,
    }
    assert made.to_dict() == {"key": made.key, **listed}


def test_two_keys_are_different_and_have_different_names(settings: Settings) -> None:
    one, other = (add_key(settings, name, scopes=SCORE) for name in ("one", "other"))
    assert one.key != other.key
    with pytest.raises(ConfigError, match="there is a key one already: choose another name"):
        add_key(settings, "one", scopes=SCORE)
    with pytest.raises(ConfigError, match="a key's name is"):
        add_key(settings, "One", scopes=SCORE)


def test_an_end_has_to_come(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="would never work: expected a time to come"):
        add_key(settings, "crm", scopes=SCORE, expires_at=datetime(2020, 1, 1, tzinfo=UTC))


def test_a_key_that_took_anothers_place_leaves_it_a_while(settings: Settings) -> None:
    first = add_key(settings, "crm", scopes=SCORE)
    second = rotate_key(settings, "crm", overlap=timedelta(hours=2))
    assert first.key != second.key
    (kept,) = read_keys(settings.keys_file)
    assert kept.rotated_at is not None
    assert [digest.until for digest in kept.digests] == [
        kept.rotated_at + timedelta(hours=2),
        None,
    ]
    assert kept.digests[0].id == first.holder.digests[0].id
    (listed,) = list_keys(settings)
    assert listed["id"] == second.holder.digests[0 - 1].id
    assert listed["old_key_until"] == (kept.rotated_at + timedelta(hours=2)).isoformat()


def test_exchanged_again_the_oldest_is_not_given_more_time(settings: Settings) -> None:
    add_key(settings, "crm", scopes=SCORE)
    rotate_key(settings, "crm", overlap=timedelta(hours=1))
    rotate_key(settings, "crm", overlap=timedelta(hours=5))
    (kept,) = read_keys(settings.keys_file)
    oldest, old, present = kept.digests
    assert oldest.until is not None
    assert old.until is not None
    assert timedelta(hours=3) < old.until - oldest.until < timedelta(hours=5)
    assert present.until is None


def test_without_overlap_the_present_one_is_gone_at_once(settings: Settings) -> None:
    add_key(settings, "crm", scopes=SCORE)
    rotate_key(settings, "crm", overlap=timedelta(hours=5))
    last = rotate_key(settings, "crm", overlap=timedelta(0))
    (kept,) = read_keys(settings.keys_file)
    assert kept.digests == last.holder.digests
    assert len(kept.digests) == 1


def test_an_expired_key_is_not_exchanged_and_says_that_it_expired(settings: Settings) -> None:
    add_key(settings, "crm", scopes=SCORE)
    (kept,) = read_keys(settings.keys_file)
    write_keys(settings.keys_file, [replace(kept, expires_at=datetime(2026, 1, 1, tzinfo=UTC))])
    with pytest.raises(ConfigError, match="the key crm has expired: revoke it"):
        rotate_key(settings, "crm")
    assert list_keys(settings)[0]["expired"] is True


def test_a_revoked_key_is_gone_and_the_others_stay(settings: Settings) -> None:
    add_key(settings, "crm", scopes=SCORE)
    add_key(settings, "ada", scopes=frozenset({"read"}))
    assert revoke_key(settings, "crm")["name"] == "crm"
    assert [key["name"] for key in list_keys(settings)] == ["ada"]
    with pytest.raises(ConfigError, match=r"there is no key 'crm'; the keys are: ada$"):
        revoke_key(settings, "crm")
    with pytest.raises(ConfigError, match=r"there is no key 'crm'; the keys are: ada$"):
        rotate_key(settings, "crm")


def test_the_file_is_the_one_that_the_configuration_names(settings: Settings) -> None:
    elsewhere = replace(settings, serve=ServeSettings(keys="secret/keys.json"))
    (settings.root / "secret").mkdir()
    add_key(elsewhere, "crm", scopes=SCORE)
    assert (settings.root / "secret" / "keys.json").exists()
    assert list_keys(settings) == []
