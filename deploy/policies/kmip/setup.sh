#!/usr/bin/env bash
# HashiCorp Vault Enterprise as the KMIP server: what main.tf does, with the `vault` command, and the certificates of both roles. To be
# run by someone who may administer the customer's Vault (VAULT_ADDR, VAULT_TOKEN). May be run again: it makes new certificates then.
set -euo pipefail

MOUNT='kmip'
LISTEN='0.0.0.0:5696'
SERVER_NAMES='kmip.acme.example'   # names the listener's certificate is to bear, separated by commas
CLIENT_TTL='720h'
FOLDER='keyside-kmip'              # where the files go; the administrator's stay with the customer

vault secrets list -format=json | grep -q "\"$MOUNT/\"" || vault secrets enable -path="$MOUNT" kmip

vault write "$MOUNT/config" listen_addrs="$LISTEN" server_hostnames="$SERVER_NAMES" tls_min_version=tls12 \
  tls_ca_key_type=ec tls_ca_key_bits=256 default_tls_client_key_type=ec default_tls_client_key_bits=256

vault list "$MOUNT/scope" 2>/dev/null | grep -qx keyside || vault write -f "$MOUNT/scope/keyside"

# What the daemon may do, and nothing else. Without Get the key never leaves Vault.
vault write "$MOUNT/scope/keyside/role/daemon" tls_client_ttl="$CLIENT_TTL" \
  operation_encrypt=true operation_decrypt=true operation_get_attributes=true operation_locate=true

vault write "$MOUNT/scope/keyside/role/administrator" tls_client_ttl="$CLIENT_TTL" \
  operation_create=true operation_activate=true operation_get_attributes=true operation_locate=true \
  operation_revoke=true operation_destroy=true

umask 077
mkdir -p "$FOLDER"
vault read -field=ca_pem "$MOUNT/ca" > "$FOLDER/ca.pem"
for ROLE in daemon administrator; do
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=keyside-$ROLE" \
    -keyout "$FOLDER/$ROLE.key" -out "$FOLDER/$ROLE.csr" 2>/dev/null
  vault write -field=certificate "$MOUNT/scope/keyside/role/$ROLE/credential/sign" format=pem \
    csr=@"$FOLDER/$ROLE.csr" > "$FOLDER/$ROLE.pem"
  rm "$FOLDER/$ROLE.csr"
done

cat <<EOF
caFile:          $FOLDER/ca.pem
certificateFile: $FOLDER/daemon.pem
keyFile:         $FOLDER/daemon.key

The administrator's files stay with the customer; key.py makes the key with them.

To cut Keyside off at once, and for good where the key has no copy: key.py deactivate.
To cut it off and let it in again:
  vault delete $MOUNT/scope/keyside/role/daemon
EOF
