#!/usr/bin/env python3
"""The kill switch of a key in an HSM: takes away its rights to unwrap and wrap, and gives them back.

PKCS#11 knows no disabled keys. A key whose CKA_DECRYPT and CKA_UNWRAP are false stands for one: Keyside reads them when the HSM
refuses, and forgets what it holds of that key. Needs PyKCS11 (Debian: python3-pykcs11) and a key that is modifiable.
"""

import argparse
import getpass

import PyKCS11

PARAMETERS = {
    "--module": "the vendor's PKCS#11 module",
    "--token": "label of the token (partition)",
    "--label": "CKA_LABEL of the key",
}
RIGHTS = ("CKA_ENCRYPT", "CKA_DECRYPT", "CKA_WRAP", "CKA_UNWRAP")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("show", "disable", "enable"))
    for name, meaning in PARAMETERS.items():
        parser.add_argument(name, required=True, help=meaning)
    parser.add_argument("--pin-file", help="file with the user's PIN; asked for where it is missing")
    options = parser.parse_args()

    session = open_session(options.module, options.token)
    session.login(read_pin(options.pin_file))
    try:
        for key in keys_of(session, options.label):
            if options.action != "show":
                is_allowed = options.action == "enable"
                session.setAttributeValue(key, [(number(right), is_allowed) for right in RIGHTS])
            values = session.getAttributeValue(key, [number(right) for right in RIGHTS])
            print(", ".join(f"{right} {'true' if value else 'false'}" for right, value in zip(RIGHTS, values)))
    finally:
        session.logout()


def open_session(module: str, token: str) -> PyKCS11.Session:
    library = PyKCS11.PyKCS11Lib()
    library.load(module)
    slots = [slot for slot in library.getSlotList(tokenPresent=True) if library.getTokenInfo(slot).label.strip(" \0") == token]
    if len(slots) != 1:
        raise SystemExit(f"{len(slots)} tokens are labelled {token}; one is needed")
    return library.openSession(slots[0], PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)


def keys_of(session: PyKCS11.Session, label: str) -> list:
    keys = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY), (PyKCS11.CKA_LABEL, label)])
    if len(keys) != 1:
        raise SystemExit(f"{len(keys)} secret keys are labelled {label}; one is needed")
    return keys


def number(right: str) -> int:
    return getattr(PyKCS11, right)


def read_pin(file: "str | None") -> str:
    if file is None:
        return getpass.getpass("PIN: ")
    with open(file, encoding="utf-8") as pin:
        return pin.read().rstrip("\r\n")


if __name__ == "__main__":
    main()
