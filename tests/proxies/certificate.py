"""A certificate, by default for localhost, which signs itself."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """`both` holds the certificate and then the key, as HAProxy reads them."""

    certificate: Path
    key: Path
    both: Path

    @property
    def context(self) -> ssl.SSLContext:
        """The settings of a client that trusts this certificate and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))


def certificate_in(folder: Path, host: str = "localhost") -> Certificate:
    """Makes a certificate in `folder`, valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, form, plain)
    found = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "both.pem")
    found.certificate.write_bytes(public)
    found.key.write_bytes(private)
    found.both.write_bytes(public + private)
    return found
