#!/usr/bin/env bash
# Makes the AES-256 key that Keyside wraps with, on any token, with OpenSC's pkcs11-tool: it never leaves the HSM, and serves Keyside
# only. Run it as the token's user, with the module's own environment (SOFTHSM2_CONF, ChrystokiConfigurationPath, …). Nothing that
# exists is changed. AWS CloudHSM has a tool of its own: cloudhsm.sh.
set -euo pipefail

MODULE="${MODULE:-/usr/lib/softhsm/libsofthsm2.so}" # the vendor's PKCS#11 module
TOKEN="${TOKEN:-keyside}"                           # label of the token (partition)
LABEL="${LABEL:-keyside-acme}"                      # CKA_LABEL of the key
ID="${ID:-$(openssl rand -hex 8)}"                  # CKA_ID of the key, hex
PIN_FILE="${PIN_FILE:-/etc/keyside/hsm-pin}"        # the file that the daemon reads too

export KEYSIDE_PIN
KEYSIDE_PIN="$(cat "$PIN_FILE")"
tool() { pkcs11-tool --module "$MODULE" --token-label "$TOKEN" --login --pin env:KEYSIDE_PIN "$@"; }

if tool --list-objects --type secrkey --label "$LABEL" 2>/dev/null | grep -q "Secret Key"; then
  echo "the token holds a key labelled $LABEL already" >&2
  exit 1
fi

tool --keygen --key-type AES:32 --label "$LABEL" --id "$ID" --sensitive --usage-decrypt --usage-wrap

cat <<TEXT

For the configuration of Keyside:

  pkcs11:
    module: $MODULE
    token: { label: "$TOKEN" }
    key: { id: "$ID", label: "$LABEL" }
    pinFile: $PIN_FILE

The kill switch: ./rights.py disable --module $MODULE --token $TOKEN --label $LABEL
TEXT
