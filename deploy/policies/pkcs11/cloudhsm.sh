#!/bin/sh
# Makes the AES-256 key that Keyside wraps with in an AWS CloudHSM cluster, with AWS's own tool, and pulls and releases its kill
# switch. Run it where the CloudHSM CLI (Client SDK 5) is configured, as the crypto user that owns the key.
#
#   ./cloudhsm.sh create | disable | enable

CLI=${CLI:-/opt/cloudhsm/bin/cloudhsm-cli}
LABEL=${LABEL:-keyside-acme}                 # label of the key; it serves Keyside only
PIN_FILE=${PIN_FILE:-/etc/keyside/hsm-pin}   # user:password of the crypto user, the file that the daemon reads too

set -eu

CLOUDHSM_ROLE=crypto-user
CLOUDHSM_PIN=$(cat "$PIN_FILE")
export CLOUDHSM_ROLE CLOUDHSM_PIN

rights() {
  for right in encrypt decrypt wrap unwrap; do
    "$CLI" key set-attribute --filter "attr.label=$LABEL" --name "$right" --value "$1"
  done
}

case "${1:-}" in
  create)
    "$CLI" key generate-symmetric aes --label "$LABEL" --key-length-bytes 32 \
      --attributes encrypt=true decrypt=true wrap=true unwrap=true sensitive=true extractable=false
    ;;
  disable) rights false ;;
  enable) rights true ;;
  *)
    echo "usage: $0 create | disable | enable" >&2
    exit 2
    ;;
esac
