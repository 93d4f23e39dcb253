"""Chains of authorities, as Part 4, 6.1.3 checks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from opcua_ai.server.security import chain
from opcua_ai.server.security.chain import MOST_LINKS, RefusedError, split, subject
from opcua_ai.server.security.trust import TrustList
from tests.unit.server.security.authorities import FUTURE, PAST, Holder, der

ROOT = Holder("root")
MIDDLE = Holder("middle", ROOT)
CLIENT = MIDDLE.issue()


@pytest.fixture
def trust(tmp_path: Path) -> TrustList:
    return TrustList(tmp_path / "pki")


def why(trust: TrustList, *sent: x509.Certificate) -> str:
    """Name of the check that failed; empty when the client is let in."""
    try:
        trust.check(der(*sent))
    except RefusedError as error:
        return error.reason.split(":")[0]
    return ""


def put(trust: TrustList, folder: str, name: str, content: bytes) -> Path:
    path = trust.folder / folder / f"{name}.crl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_trusted_root_vouches_for_what_its_authorities_issue(trust: TrustList) -> None:
    trust.add(ROOT.certificate, "ca")
    assert why(trust, CLIENT) == "BadCertificateUntrusted", "nobody knows the one between"
    assert why(trust, CLIENT, MIDDLE.certificate) == "", "the client has sent it"
    assert why(trust, CLIENT, MIDDLE.certificate, ROOT.certificate) == ""
    trust.add(MIDDLE.certificate, "issuers")
    assert why(trust, CLIENT) == ""


def test_a_trusted_authority_needs_its_root(trust: TrustList) -> None:
    trust.add(MIDDLE.certificate, "ca")
    assert why(trust, CLIENT) == "BadCertificateChainIncomplete"
    trust.add(ROOT.certificate, "issuers")
    assert why(trust, CLIENT) == ""
    assert why(trust, ROOT.issue()) == "BadCertificateUntrusted", "its root is not trusted"


def test_issuers_alone_vouch_for_nobody(trust: TrustList) -> None:
    for holder in (ROOT, MIDDLE):
        trust.add(holder.certificate, "issuers")
    assert why(trust, CLIENT) == "BadCertificateUntrusted"
    trust.add(CLIENT, "trusted")
    assert why(trust, CLIENT) == ""


def test_what_a_client_sends_is_not_trusted(trust: TrustList) -> None:
    trust.add(ROOT.certificate, "ca")
    fake = Holder("fake")
    assert why(trust, fake.issue(), fake.certificate) == "BadCertificateUntrusted"
    assert why(trust, fake.issue(), ROOT.certificate) == "BadCertificateUntrusted"
    same_name = Holder("fake", Holder("root2"))
    same_name.name = "root"
    assert why(trust, same_name.issue(), ROOT.certificate) == "BadCertificateUntrusted"


def test_a_client_is_no_authority(trust: TrustList) -> None:
    """The oldest hole of such checks: whoever has a certificate issues others."""
    trust.add(ROOT.certificate, "ca")
    client = Holder("evil", ROOT, ca=False, uses=("digital_signature",))
    assert why(trust, client.certificate) == ""
    assert why(trust, client.issue(), client.certificate) == "BadCertificateIssuerUseNotAllowed"


@pytest.mark.parametrize(
    ("middle", "expected"),
    [
        (Holder("m1", ROOT, valid=PAST), "BadCertificateIssuerTimeInvalid"),
        (Holder("m1", ROOT, valid=FUTURE), "BadCertificateIssuerTimeInvalid"),
        (Holder("m1", ROOT, uses=("crl_sign",)), "BadCertificateIssuerUseNotAllowed"),
        (Holder("m1", ROOT, ca=False), "BadCertificateIssuerUseNotAllowed"),
        (
            Holder("m1", ROOT, more=x509.NameConstraints([x509.DNSName("plant")], None)),
            "BadCertificateInvalid",
        ),
    ],
    ids=["expired", "early", "may not sign certificates", "no authority", "not understood"],
)
def test_each_link_has_to_be_an_authority(trust: TrustList, middle: Holder, expected: str) -> None:
    trust.add(ROOT.certificate, "ca")
    assert why(trust, middle.issue(), middle.certificate) == expected


def test_the_status_codes_that_a_client_learns(trust: TrustList) -> None:
    old = Holder("m1", ROOT, valid=PAST)
    trust.add(ROOT.certificate, "ca")
    put(trust, "ca", "root", ROOT.revocation_list(MIDDLE.certificate))
    for sent, expected in (
        ((old.issue(), old.certificate), ua.StatusCodes.BadCertificateIssuerTimeInvalid),
        ((CLIENT, MIDDLE.certificate), ua.StatusCodes.BadSecurityChecksFailed),
        ((CLIENT,), ua.StatusCodes.BadSecurityChecksFailed),
    ):
        with pytest.raises(RefusedError) as error:
            trust.check(der(*sent))
        assert error.value.code == expected


@pytest.mark.parametrize(
    ("length", "expected"), [(1, ""), (0, "BadCertificateIssuerUseNotAllowed")]
)
def test_path_length(trust: TrustList, length: int, expected: str) -> None:
    root = Holder("root", path_length=length)
    middle = Holder("middle", root)
    trust.add(root.certificate, "ca")
    assert why(trust, root.issue()) == ""
    assert why(trust, middle.issue(), middle.certificate) == expected


def test_every_authority_revokes(trust: TrustList) -> None:
    trust.add(ROOT.certificate, "ca")
    trust.add(MIDDLE.certificate, "issuers")
    put(trust, "issuers", "middle", MIDDLE.revocation_list(CLIENT))
    assert why(trust, CLIENT) == "BadCertificateRevoked"
    assert why(trust, MIDDLE.issue("another")) == ""
    put(trust, "ca", "root", ROOT.revocation_list(MIDDLE.certificate))
    assert why(trust, MIDDLE.issue("another")) == "BadCertificateIssuerRevoked"
    put(trust, "ca", "root", Holder("root2").revocation_list(MIDDLE.certificate))
    assert why(trust, MIDDLE.issue("another")) == "", "a list of somebody else revokes nobody here"


def test_a_certificate_that_is_trusted_itself_can_be_revoked(trust: TrustList) -> None:
    trust.add(CLIENT, "trusted")
    trust.add(MIDDLE.certificate, "issuers")
    path = put(trust, "issuers", "middle", MIDDLE.revocation_list())
    assert why(trust, CLIENT) == ""
    path.write_bytes(MIDDLE.revocation_list(CLIENT))
    assert why(trust, CLIENT) == "BadCertificateRevoked"
    path.write_text("damaged")
    assert why(trust, CLIENT) == "BadCertificateRevocationUnknown"
    alone = Holder("alone", ca=False, uses=("digital_signature",)).certificate
    trust.add(alone, "trusted")
    assert why(trust, alone) == "", "no list is about it"


def test_an_authority_that_was_renewed_with_its_key(trust: TrustList) -> None:
    trust.add(Holder("root", valid=PAST).certificate, "ca")
    assert why(trust, ROOT.issue()) == "BadCertificateIssuerTimeInvalid"
    trust.add(ROOT.certificate, "ca")
    assert why(trust, ROOT.issue()) == ""


def test_weak_authorities(trust: TrustList, monkeypatch: pytest.MonkeyPatch) -> None:
    trust.add(ROOT.certificate, "ca")
    short = Holder("short", ROOT, key=rsa.generate_private_key(65537, 1024))
    assert why(trust, short.issue(), short.certificate) == "BadCertificatePolicyCheckFailed"
    # cryptography signs with no weak hash any more, so another has to be called weak
    assert why(trust, CLIENT, MIDDLE.certificate) == ""
    monkeypatch.setattr(chain, "_WEAK", (hashes.SHA256,))
    assert why(trust, CLIENT, MIDDLE.certificate) == "BadCertificatePolicyCheckFailed"
    assert why(trust, ROOT.issue()) == "", "nobody relies on the signature of a root"


def test_two_authorities_that_issue_each_other(trust: TrustList) -> None:
    one, two = Holder("one", Holder("two")), Holder("two", Holder("one"))
    for holder in (one, two):
        trust.add(holder.certificate, "ca")
    assert why(trust, one.issue()) == "BadCertificateChainIncomplete"


def test_long_chains(trust: TrustList) -> None:
    links = [ROOT]
    for number in range(MOST_LINKS - 1):
        links.append(Holder(f"link{number}", links[-1]))
    trust.add(ROOT.certificate, "ca")
    for link in links[1:]:
        trust.add(link.certificate, "issuers")
    assert why(trust, links[-2].issue()) == ""
    assert why(trust, links[-1].issue()) == "BadCertificateChainIncomplete"


def test_what_a_client_sends_is_taken_apart() -> None:
    sent = CLIENT, MIDDLE.certificate, ROOT.certificate
    assert list(split(der(*sent))) == list(sent)
    for content in (
        b"", b"\x30", der(CLIENT) + b"\x00", der(CLIENT)[:-1], der(*[CLIENT] * (MOST_LINKS + 1)),
    ):  # fmt: skip
        with pytest.raises(RefusedError) as error:
            split(content)
        assert error.value.reason.startswith("BadCertificateInvalid")


def test_a_name_does_nothing_to_a_log() -> None:
    name = subject(Holder("x").issue("a\nERROR all is lost \x1b[2J"))
    assert name == "CN=a?ERROR all is lost ?[2J"
