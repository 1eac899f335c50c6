"""Keys: references stay as they are, seals open only where they were made, settings say what is wrong."""

import base64

import pytest
from pydantic import SecretStr

from services.ingest.domain.pseudonyms import keyring, lookup_of, reference_of
from services.ingest.domain.subjects import Kind, Subject
from services.ingest.seals import Seals, UnsealedError
from services.ingest.settings import IngestSettings
from services.runtime.settings import SettingsError

OLD, NEW = b"o" * 32, b"n" * 32
PERSON = Subject(Kind.HETU, "140385-901E")
CASE = Subject(Kind.CASE, "7")


def settings(secrets: str) -> IngestSettings:
    return IngestSettings(database_url="postgresql://x", kafka="x", vault_secrets=SecretStr(secrets))


def test_a_reference_names_its_key_version_and_is_the_same_each_time() -> None:
    keys = keyring({1: OLD})
    reference = reference_of(keys, "north", "registry", PERSON, 1)
    assert reference == reference_of(keys, "north", "insurer", PERSON, 1)
    assert reference.startswith("c1-")
    assert len(reference) == 29
    assert reference_of(keyring({1: OLD, 2: NEW}), "north", "registry", PERSON, 1).startswith("c2-")


def test_a_reference_differs_by_authority_generation_and_for_cases_by_source() -> None:
    keys = keyring({1: OLD})
    references = {
        reference_of(keys, "north", "registry", PERSON, 1),
        reference_of(keys, "south", "registry", PERSON, 1),
        reference_of(keys, "north", "registry", PERSON, 2),
        reference_of(keys, "north", "registry", CASE, 1),
        reference_of(keys, "north", "insurer", CASE, 1),
    }
    assert len(references) == 5


def test_a_new_key_finds_what_the_old_one_kept() -> None:
    old, both = keyring({1: OLD}), keyring({1: OLD, 2: NEW})
    assert lookup_of(old, "north", "registry", PERSON) == lookup_of(both, "north", "registry", PERSON)
    assert old.content == both.content


def test_a_seal_opens_under_the_key_that_made_it_and_only_in_its_place() -> None:
    sealed = Seals(keyring({1: OLD})).sealed(b"Maija", "name c1-x")
    assert Seals(keyring({1: OLD, 2: NEW})).opened(sealed, "name c1-x") == b"Maija"
    for seals, place, content in (
        (Seals(keyring({2: NEW})), "name c1-x", sealed),
        (Seals(keyring({1: OLD})), "name c1-y", sealed),
        (Seals(keyring({1: OLD})), "name c1-x", sealed[:-1] + b"\x00"),
        (Seals(keyring({1: OLD})), "name c1-x", b""),
    ):
        with pytest.raises(UnsealedError):
            seals.opened(content, place)


def test_the_same_content_is_sealed_differently_each_time() -> None:
    seals = Seals(keyring({1: OLD}))
    assert seals.sealed(b"Maija", "x") != seals.sealed(b"Maija", "x")


def test_secrets_are_read_by_version() -> None:
    lines = "\n".join(f"{version}:{base64.b64encode(secret).decode()}" for version, secret in ((1, OLD), (2, NEW)))
    assert settings(lines).secrets_by_version() == {1: OLD, 2: NEW}


@pytest.mark.parametrize("secrets", ["no", "x:aaaa", "1:not base64!", "1"])
def test_a_secret_of_another_form_is_refused_without_being_shown(secrets: str) -> None:
    with pytest.raises(SettingsError, match="VAULT_SECRETS") as refused:
        settings(secrets).secrets_by_version()
    assert secrets == "no" or secrets not in str(refused.value)


@pytest.mark.parametrize("secrets", [{}, {1: b"short"}])
def test_a_short_secret_or_none_is_refused(secrets: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="at least"):
        keyring(secrets)
