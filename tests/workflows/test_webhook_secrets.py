"""Which secret signs messages to an endpoint."""

from pathlib import Path

import pytest

from leadml.domain.definition import Definition
from leadml.errors import ConfigError
from leadml.settings import Settings
from leadml.workflows.webhook_secrets import webhook_keys

A, B = "a-secret-of-thirty-two-bytes-or-so", "b-secret-of-thirty-two-bytes-or-so"
ALL, OWN = "LEADML_WEBHOOK_SECRET", "LEADML_WEBHOOK_SECRET_CRM"


def keys(**variables: str) -> tuple[bytes, ...]:
    settings = Settings(definition=Definition(), root=Path(), webhook_secrets=variables)
    return webhook_keys(settings, "crm")


def test_an_endpoint_s_own_secret_goes_before_the_one_of_all(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{B}\n")
    assert keys(**{ALL: A}) == (A.encode(),)
    assert keys(**{ALL: A, OWN: B}) == (B.encode(),)
    assert keys(**{ALL: A, f"{OWN}_FILE": str(file)}) == (B.encode(),)
    assert keys(**{f"{ALL}_FILE": str(file), "LEADML_WEBHOOK_SECRET_CHAT": A}) == (B.encode(),)
    assert keys(**{OWN: " ", ALL: A}) == (A.encode(),)


def test_two_secrets_both_sign(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"{A}\n{B}\n")
    assert keys(**{ALL: f"{A},{B}"}) == keys(**{f"{ALL}_FILE": str(file)}) == (
        A.encode(), B.encode(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        (
            {},
            "webhook crm wait, .* set LEADML_WEBHOOK_SECRET or LEADML_WEBHOOK_SECRET_CRM to",
        ),
        ({"LEADML_WEBHOOK_SECRET_CHAT": A}, "messages to webhook crm wait"),
        ({OWN: "mellon"}, "LEADML_WEBHOOK_SECRET_CRM holds a secret .* 6 bytes are too few"),
        ({f"{ALL}_FILE": "/nowhere/secret"}, r"_FILE names /nowhere/secret, .*: No such file"),
    ],
)
def test_without_a_usable_secret_nothing_is_signed(variables: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as refused:
        keys(**variables)
    assert "mellon" not in str(refused.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8 text"):
        keys(**{f"{ALL}_FILE": str(file)})
