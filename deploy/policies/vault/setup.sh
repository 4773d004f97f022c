#!/bin/sh
# Makes a Transit key for Keyside, the policy that lets Keyside use it and do nothing else, and an AppRole that carries the policy.
# Run it as an administrator of the namespace, with BAO_ADDR or VAULT_ADDR (and …_NAMESPACE) set. Running it again changes nothing but
# the secret id, which is a new one.

CLI=${CLI:-bao}               # bao, or vault
MOUNT=${MOUNT:-transit}       # where Transit is or will be mounted
KEY=${KEY:-keyside-acme}      # name of the key; it serves Keyside only
POLICY=${POLICY:-keyside-acme}
ROLE=${ROLE:-keyside-acme}
OUT=${OUT:-.}                 # folder for role-id and secret-id, which go to the vendor

set -eu
umask 077

"$CLI" secrets list -format=json | grep -q "\"$MOUNT/\"" || "$CLI" secrets enable -path="$MOUNT" transit
"$CLI" auth list -format=json | grep -q '"approle/"' || "$CLI" auth enable approle

# The log shows for whom Keyside asks (the base64 of tenant, key configuration and share), and of the rest digests only.
"$CLI" secrets tune -audit-non-hmac-request-keys=associated_data "$MOUNT/"

# A key that is gone must stay gone: nobody makes one by encrypting.
"$CLI" write "$MOUNT/config/keys" disable_upsert=true

"$CLI" read "$MOUNT/keys/$KEY" >/dev/null 2>&1 || "$CLI" write "$MOUNT/keys/$KEY" type=aes256-gcm96

"$CLI" policy write "$POLICY" - <<POLICY
path "$MOUNT/encrypt/$KEY" {
  capabilities        = ["update"]
  required_parameters = ["plaintext", "associated_data"]
}

path "$MOUNT/decrypt/$KEY" {
  capabilities = ["update"]
}

path "$MOUNT/keys/$KEY" {
  capabilities = ["read"]
}
POLICY

"$CLI" write "auth/approle/role/$ROLE" token_policies="$POLICY" token_ttl=20m token_max_ttl=24h

"$CLI" read -field=role_id "auth/approle/role/$ROLE/role-id" >"$OUT/role-id"
"$CLI" write -f -field=secret_id "auth/approle/role/$ROLE/secret-id" >"$OUT/secret-id"
echo "role-id and secret-id are in $OUT"
