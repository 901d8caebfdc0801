# SPDX-License-Identifier: Apache-2.0
"""The keys of a run, all of them TEST-ONLY: those that both trust, in the files that both read, and some that nobody does."""
import base64
import datetime
import hashlib
import hmac

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
ORDERS = {
    "p256": 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
    "p384": 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973,
    "p521": 2 ** 521 - 6 * 2 ** 256 + 0x51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409,
}
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
NUMBER_BYTES = {"256": 32, "384": 48, "512": 66}  # of r and s, by the algorithm
NATURAL = {"rsa": "RS256", "rsa-e3": "RS256", "rsa-weak": "RS256", "p256": "ES256", "p256-b": "ES256", "p384": "ES384",
           "p521": "ES512",
           "rsa-stranger": "RS256", "p256-stranger": "ES256"}  # what Kubernetes would sign with
WEAK_BITS = 1024  # Go's least, and less than what kube-bearer takes
GOOD = ("rsa", "rsa-e3", "p256", "p256-b", "p384", "p521")


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def family_of(key):
    return key.split("-")[0]


class Keys:
    def __init__(self, folder):
        self.private = {"rsa": rsa.generate_private_key(65537, 2048), "rsa-e3": rsa.generate_private_key(3, 2048),
                        "rsa-weak": rsa.generate_private_key(65537, WEAK_BITS), "rsa-stranger": rsa.generate_private_key(65537, 2048)}
        for name in NATURAL:
            if name.startswith("p"):
                self.private[name] = ec.generate_private_key(CURVES[family_of(name)]())
        self.der = {name: key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
                    for name, key in self.private.items()}
        self.pem = {name: key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
                    for name, key in self.private.items()}
        # Kubernetes' key ID; both take it for that of a key from a file
        self.ids = {name: base64url(hashlib.sha256(der).digest()) for name, der in self.der.items()}
        self.files = []
        for number, content in enumerate((
                self.pem["rsa"] + self.pem["p256"] + self.pem["p256"],  # twice the same
                self._private_pem("p384"),
                self._certificate("p521"),
                self._private_pem("rsa-e3", serialization.PrivateFormat.PKCS8) + self.pem["rsa-weak"] + self.pem["p256-b"])):
            self.files.append(folder / f"service-account-{number}.pem")
            self.files[-1].write_bytes(content)

    def _private_pem(self, name, form=serialization.PrivateFormat.TraditionalOpenSSL):
        return self.private[name].private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def _certificate(self, name):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TEST-ONLY")])
        now = datetime.datetime.utcnow()
        certificate = x509.CertificateBuilder(subject, subject, self.private[name].public_key(), 1, now, now + datetime.timedelta(days=1))
        return certificate.sign(self.private[name], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def sign(self, name, algorithm, data):
        """RS, PS, ES or HS and 256, 384 or 512. HS: with the public key for a secret."""
        key, digest = self.private[name], HASHES[algorithm[2:]]()
        if algorithm.startswith("RS"):
            return key.sign(data, padding.PKCS1v15(), digest)
        if algorithm.startswith("PS"):
            return self.sign_pss(name, algorithm, data, digest.digest_size)
        if algorithm.startswith("HS"):
            return hmac.new(self.pem[name], data, digest.name).digest()
        return joined(decode_dss_signature(self.sign_der(name, algorithm, data)), algorithm)

    def sign_pss(self, name, algorithm, data, salt_len):
        digest = HASHES[algorithm[2:]]()
        return self.private[name].sign(data, padding.PSS(padding.MGF1(digest), salt_len), digest)

    def sign_der(self, name, algorithm, data):
        return self.private[name].sign(data, ec.ECDSA(HASHES[algorithm[2:]]()))


def joined(numbers, algorithm):
    """r and s beside each other, each as long as the algorithm has it; longer where it does not fit."""
    numbers = list(map(abs, numbers))
    size = max(NUMBER_BYTES[algorithm[2:]], *((number.bit_length() + 7) // 8 for number in numbers))
    return b"".join(number.to_bytes(size, "big") for number in numbers)
