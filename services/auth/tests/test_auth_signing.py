"""Signing keys at rest, and who can verify what they sign."""

import pytest
from pydantic import SecretStr, ValidationError

from andon.auth.app import SERVICE, AuthSettings, SigningSettings
from andon.contracts import Invalid, Unauthorised
from andon.messaging import Service
from andon.runtime import serving
from andon.security import Signer, Verifier, new_private_key
from andon.storage import Mongo

from .auth_people import refresh, sign_in, verifier_of

SECRET = SigningSettings(secret=SecretStr("a secret of sixteen or more"))


async def stored(mongo: Mongo) -> list[str]:
    return [key["private_key"] for key in await mongo.database("auth")["keys"].find().to_list()]


async def test_tokens_verify_with_the_published_keys_and_with_no_others(
    gateway: Service, settings: AuthSettings
):
    async with serving(SERVICE, settings):
        token = (await sign_in(gateway)).access_token
        assert (await verifier_of(gateway)).verify(token).username == "admin"
    with pytest.raises(Unauthorised):
        Verifier({"keys": [Signer(new_private_key()).public]}).verify(token)


async def test_with_a_secret_no_private_key_is_readable_in_the_database(
    gateway: Service, settings: AuthSettings, mongo: Mongo
):
    sealed = settings.model_copy(update={"signing": SECRET})
    async with serving(SERVICE, sealed):
        tokens = await sign_in(gateway)
        verifier = await verifier_of(gateway)
        assert verifier.verify(tokens.access_token).username == "admin"
    (kept,) = await stored(mongo)
    assert kept.startswith("sealed.v1.")
    assert "PRIVATE KEY" not in kept
    async with serving(SERVICE, sealed):
        after = await refresh(gateway, tokens.refresh_token)
        assert verifier.verify(after.access_token).username == "admin"


async def test_a_secret_that_is_set_later_seals_the_keys_that_are_there(
    gateway: Service, settings: AuthSettings, mongo: Mongo
):
    async with serving(SERVICE, settings):
        verifier = await verifier_of(gateway)
    assert "PRIVATE KEY" in (await stored(mongo))[0]
    async with serving(SERVICE, settings.model_copy(update={"signing": SECRET})):
        assert verifier.verify((await sign_in(gateway)).access_token).username == "admin"
    assert "PRIVATE KEY" not in str(await stored(mongo))


@pytest.mark.parametrize(
    "other", [SigningSettings(), SigningSettings(secret=SecretStr("another, also long"))]
)
async def test_without_the_right_secret_auth_does_not_start(settings: AuthSettings, other: SigningSettings):
    async with serving(SERVICE, settings.model_copy(update={"signing": SECRET})):
        pass
    with pytest.raises(Invalid, match="ANDON_SIGNING__SECRET"):
        async with serving(SERVICE, settings.model_copy(update={"signing": other})):
            pass


def test_a_short_secret_is_none():
    with pytest.raises(ValidationError):
        SigningSettings(secret=SecretStr("short"))
