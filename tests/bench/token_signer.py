# SPDX-License-Identifier: Apache-2.0
"""ServiceAccount tokens for scripts/bench, and whom they are of. TEST-ONLY: the keys live as long as the benchmark."""
import base64
import hashlib
import json
import time
import uuid

from bench_kit import AUDIENCE
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

NAMESPACE, ACCOUNT = "payments-production", "payment-gateway"
ACCOUNT_UID = "5f3c1f0a-6d1e-4c56-9f3b-2f6f3a9d7c11"
NODE = {"name": "ip-10-64-12-201.eu-central-1.compute.internal", "uid": "0d0bdb3c-8f0a-4f5e-a6b9-6e2d1c7b9a53"}
PODS = [{"name": f"{ACCOUNT}-7c5ddbdf54-{n:05}", "uid": str(uuid.UUID(int=n))} for n in range(100)]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    def __init__(self, algorithm):
        self.key = (rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1()))
        self.algorithm = algorithm
        spki = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        kid = base64url(hashlib.sha256(spki).digest())  # as kube-apiserver names keys
        self.head = base64url(json.dumps({"alg": algorithm, "kid": kid}, separators=(",", ":")).encode())

    def pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def signature(self, data):
        if self.algorithm == "RS256":
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256()))))

    def tokens(self, count):
        """Distinct ones of the same length, as kube-apiserver makes them for a Pod."""
        now = int(time.time())
        made = []
        for number in range(count):
            claims = {"aud": [AUDIENCE], "exp": now + 3607, "iat": now, "iss": AUDIENCE, "jti": str(uuid.uuid4()),
                      "kubernetes.io": {"namespace": NAMESPACE, "node": NODE, "pod": PODS[number % len(PODS)],
                                        "serviceaccount": {"name": ACCOUNT, "uid": ACCOUNT_UID}, "warnafter": now + 3607},
                      "nbf": now, "sub": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"}
            signed = f"{self.head}.{base64url(json.dumps(claims, separators=(',', ':')).encode())}"
            made.append(f"{signed}.{base64url(self.signature(signed.encode()))}")
        return made
