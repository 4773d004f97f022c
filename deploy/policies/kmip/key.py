#!/usr/bin/env python3
"""A key for Keyside in any KMIP 1.4 server, made and ended by the customer's administrator.

    pip install PyKMIP==0.10.0 'cryptography<43' 'SQLAlchemy<2'     # Python 3.8 to 3.11
    ./key.py create       an AES-256 key that may encrypt and decrypt, Active; prints its Unique Identifier
    ./key.py state        prints its state
    ./key.py deactivate   the kill switch: Keyside opens nothing under it any more. KMIP has no way back
    ./key.py compromise   the same, and says that the key has become known
    ./key.py destroy      the material is gone: whatever is under it is lost. After deactivate or compromise
"""
import os
import sys

from kmip.core import enums
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie.client import ProxyKmipClient

HOST = os.environ.get("KMIP_HOST", "kmip.acme.example")
PORT = int(os.environ.get("KMIP_PORT", "5696"))
CA = os.environ.get("KMIP_CA", "keyside-kmip/ca.pem")
CERTIFICATE = os.environ.get("KMIP_CERTIFICATE", "keyside-kmip/administrator.pem")
PRIVATE_KEY = os.environ.get("KMIP_PRIVATE_KEY", "keyside-kmip/administrator.key")
NAME = os.environ.get("KMIP_KEY_NAME", "keyside")
# Operation Policy Name, for servers that go by it (PyKMIP): who else than the owner may use the key. Empty: the server's default.
POLICY = os.environ.get("KMIP_POLICY", "") or None

USAGE = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]


def create(client):
    if find(client):
        sys.exit(f"there is a key of the name {NAME} already")
    uid = client.create(
        enums.CryptographicAlgorithm.AES, 256, operation_policy_name=POLICY, name=NAME, cryptographic_usage_mask=USAGE
    )
    client.activate(uid)
    print(uid)


def state(client):
    _, attributes = client.get_attributes(the_key(client), ["State"])
    print(attributes[0].attribute_value.value.name)


def deactivate(client):
    client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, the_key(client))


def compromise(client):
    client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, the_key(client))


def destroy(client):
    client.destroy(the_key(client))


def find(client):
    """The identifiers of the keys of that name."""
    factory = AttributeFactory()
    name = factory.create_attribute(enums.AttributeType.NAME, NAME)
    kind = factory.create_attribute(enums.AttributeType.OBJECT_TYPE, enums.ObjectType.SYMMETRIC_KEY)
    return client.locate(attributes=[name, kind])


def the_key(client):
    found = find(client)
    if len(found) != 1:
        sys.exit(f"{len(found)} keys have the name {NAME}, and exactly one must")
    return found[0]


ACTIONS = {action.__name__: action for action in (create, state, deactivate, compromise, destroy)}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ACTIONS:
        sys.exit(__doc__)
    server = ProxyKmipClient(
        hostname=HOST,
        port=PORT,
        ca=CA,
        cert=CERTIFICATE,
        key=PRIVATE_KEY,
        ssl_version="PROTOCOL_TLSv1_2",
        kmip_version=enums.KMIPVersion.KMIP_1_4,
        config_file=os.devnull,
    )
    with server:
        ACTIONS[sys.argv[1]](server)
