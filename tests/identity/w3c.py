"""The assertions of WebAuthn Level 3, section 16 ("Test Vectors"), for every algorithm that our library takes.

The section derives keys, ids and challenges by HKDF-SHA-256 (IKM "WebAuthn test vectors", a counter as salt, the name of the
vector as info), so they are derived here as it says; flags and signatures are the published ones. A wrong derivation would
make the published signature fail.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RP_ID, ORIGIN = "example.org", "https://example.org"
EXTRA = "clientDataJSON may be extended with additional fields in the future, such as this: "
TOP = "https://example.com"
MERSENNE = (2**1279 - 1) * (2**2203 - 1)
"""The modulus of the RSA vector: its primes are the two smallest Mersenne primes of 1,024 bits or more."""


@dataclass(frozen=True)
class Vector:
    """One published assertion. `id_salt`, `challenge_salt`, `extra_salt`: which counters it takes them from."""

    name: str
    section: str
    flags: int
    signature: str
    id_salt: int
    challenge_salt: int
    extra_salt: int | None = None
    id_bytes: int = 32
    cross_origin: bool = False
    top_origin: bool = False

    def derived(self, salt: int, length: int = 32) -> bytes:
        """What the section derives with this counter."""
        kdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=bytes([salt]), info=self.name.encode())
        return kdf.derive(b"WebAuthn test vectors")

    @property
    def challenge(self) -> bytes:
        """What was to be signed."""
        return self.derived(self.challenge_salt)

    @property
    def credential_id(self) -> str:
        """In base64url."""
        return base64url(self.derived(self.id_salt, self.id_bytes))

    @property
    def public_key(self) -> bytes:
        """COSE, of the key that the section derives."""
        if self.name.endswith("RS256"):
            return cbor2.dumps(
                {1: 3, 3: -257, -1: MERSENNE.to_bytes((MERSENNE.bit_length() + 7) // 8), -2: b"\x01\x00\x01"}
            )
        private = self.derived(1)
        if self.name.endswith("EdDSA"):
            raw = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
            return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: raw})
        numbers = ec.derive_private_key(int.from_bytes(private), ec.SECP256R1()).public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})

    @property
    def client_data(self) -> bytes:
        """As the section serialises it."""
        told = f'{{"type":"webauthn.get","challenge":"{base64url(self.challenge)}","origin":"{ORIGIN}",'
        told += f'"crossOrigin":{str(self.cross_origin).lower()}'
        if self.top_origin:
            told += f',"topOrigin":"{TOP}"'
        if self.extra_salt is not None:
            told += f',"extraData":"{EXTRA}{base64url(self.derived(self.extra_salt, 16))}"'
        return (told + "}").encode()

    @property
    def assertion(self) -> Mapping[str, Any]:
        """As PublicKeyCredential.toJSON() gives it."""
        data = hashlib.sha256(RP_ID.encode()).digest() + bytes([self.flags]) + bytes(4)
        return {
            "id": self.credential_id,
            "rawId": self.credential_id,
            "type": "public-key",
            "response": {
                "authenticatorData": base64url(data),
                "clientDataJSON": base64url(self.client_data),
                "signature": base64url(bytes.fromhex(self.signature)),
            },
        }


def base64url(value: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


RSA = (
    "01063d52d7c39b4d432fc7063c5d93e582bdcb16889cd71f888d67d880ea730a428498d3bc8e1ee11f2b1ecbe6c292b1"
    "18c55ffaaddefa8cad0a54dd137c51f1eec673f1bb6c4d1789d6826a222b22d0f585fc901fdc933212e579d199b89d67"
    "2aa44891333e6a1355536025e82b25590256c3538229b55737083b2f6b9377e49e2472f11952f79fdd0da180b5ffd901"
    "b4049a8f081bb40711bef76c62aed943571f2d0575304cb549d68d8892f95086a30f93716aee818f8dc06e96c0d5e0ed"
    "4cfa9fd8773d90464b68cf140f7986666ff9c9e3302acd0535d60d769f465e2ab57ef8aabc89fccfef7ba32a64154a8b"
    "3d26be2298f470b8cc5377dbe3dfd4b0b45f8f01e63bde6cfc76b62771f9b70aa27cf40152cad93aa5acd784fd4b90f6"
    "76e2ea828d0bf2400aebbaae4153e5838f537f88b6228346782a93a899be66ec77de45b3efcf311da6321c92e6b0cd11"
    "bfe653bf3e98cee8e341f02d67dbb6f9c98d9e8178090cfb5b70fbc6d541599ac794ae2f1d4de1286ec8de8c2daf7b1d"
    "15c8438e90d924df5c19045220a4c8438c1b979bbe016cf3d0eeec23c3999d4882cc645b776de930756612cdc6dd3981"
    "60ff02a6"
)

VECTORS = (
    Vector(
        name="none.ES256",
        section="16.2",
        flags=0x19,
        id_salt=4,
        challenge_salt=7,
        signature="3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd38"
        "0221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
    ),
    Vector(
        name="packed-self.ES256",
        section="16.3",
        flags=0x09,
        id_salt=5,
        challenge_salt=7,
        extra_salt=9,
        signature="304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf840"
        "02204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
    ),
    Vector(
        name="none.ES256.crossOrigin",
        section="16.4",
        flags=0x05,
        id_salt=5,
        challenge_salt=7,
        extra_salt=9,
        cross_origin=True,
        signature="3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7"
        "022100c76237ff9db77b3c56f30837cda6a09acfa2e915544e609c0733b1184036d1cf",
    ),
    Vector(
        name="none.ES256.topOrigin",
        section="16.5",
        flags=0x05,
        id_salt=4,
        challenge_salt=6,
        extra_salt=8,
        cross_origin=True,
        top_origin=True,
        signature="3045022100b5a70c81780d5fcc9a4f2ae9caae99058f8accaf58b91fb59329646c28ac6ffc"
        "022012e101c165db3c8e9957f0c54dd6ca9b56bc3bd2f280bd2faa6c1d02c6e5c171",
    ),
    Vector(
        name="none.ES256.long-credential-id",
        section="16.6",
        flags=0x0D,
        id_salt=4,
        id_bytes=1023,
        challenge_salt=6,
        signature="304502203ecef83fb12a0cae7841055f9f87103a99fd14b424194bbf06c4623d3ee6e3fd"
        "022100d2ace346db262b1374a6b70faa51f518a42ddca13a4125ce6f5052a75bac9fb6",
    ),
    Vector(
        name="packed.ES256",
        section="16.7",
        flags=0x0D,
        id_salt=5,
        challenge_salt=9,
        extra_salt=11,
        signature="30450220694969d3ee928de6f02ef23a9c644d7d779916451734a94b432542f498a1ebe9"
        "0221008b0819c824218a97152cd099c55bfb1477b29d900a49a64018314f9bfccda163",
    ),
    Vector(name="packed.RS256", section="16.10", flags=0x19, id_salt=3, challenge_salt=7, signature=RSA),
    Vector(
        name="packed.EdDSA",
        section="16.11",
        flags=0x01,
        id_salt=5,
        challenge_salt=9,
        signature="f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cf"
        "dfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
    ),
)
"""ES384, ES512 and Ed448 (16.8, 16.9, 16.12) are not the library's; the rest of the section is about attestation."""
