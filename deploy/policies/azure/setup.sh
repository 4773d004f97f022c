#!/usr/bin/env bash
# A key for Keyside in the customer's own vault, and the one role that the vendor's application gets on it: the same as main.tf, by
# the Azure CLI. Run by the customer, signed in (`az login`) to the customer's subscription.
set -euo pipefail

location=westeurope
resource_group=keyside
vault=CHANGE-ME              # 3 to 24 letters, digits and hyphens, unique in all of Azure
key=keyside
vendor_application_id=CHANGE-ME # of the vendor's multi-tenant application
workspace_id=CHANGE-ME       # resource id of the Log Analytics workspace that keeps the audit log

for value in "$vault" "$vendor_application_id" "$workspace_id"; do
  if [ "$value" = CHANGE-ME ]; then
    echo 'set vault, vendor_application_id and workspace_id at the top of this file first' >&2
    exit 1
  fi
done

# The customer's consent. `az ad sp delete --id "$vendor_application_id"` takes it back.
az ad sp show --id "$vendor_application_id" --output none 2> /dev/null || az ad sp create --id "$vendor_application_id" --output none
vendor="$(az ad sp show --id "$vendor_application_id" --query id --output tsv)"
customer="$(az ad signed-in-user show --query id --output tsv)"

az group create --name "$resource_group" --location "$location" --output none
az keyvault create --name "$vault" --resource-group "$resource_group" --location "$location" --sku premium \
  --enable-rbac-authorization true --enable-purge-protection true --retention-days 90 --output none
vault_id="$(az keyvault show --name "$vault" --query id --output tsv)"

az role assignment create --role 'Key Vault Crypto Officer' --scope "$vault_id" \
  --assignee-object-id "$customer" --assignee-principal-type User --output none
# A new assignment takes its time to be known everywhere.
for attempt in $(seq 1 30); do
  if az keyvault key create --vault-name "$vault" --name "$key" --kty RSA-HSM --size 3072 --ops wrapKey unwrapKey --output none; then
    break
  fi
  [ "$attempt" -lt 30 ] || exit 1
  sleep 10
done

# On this key alone: see it, wrap, unwrap.
az role assignment create --role 'Key Vault Crypto Service Encryption User' --scope "$vault_id/keys/$key" \
  --assignee-object-id "$vendor" --assignee-principal-type ServicePrincipal --output none

az monitor diagnostic-settings create --name keyside-audit --resource "$vault_id" --workspace "$workspace_id" \
  --logs '[{"category":"AuditEvent","enabled":true}]' --output none

echo 'hand over to the vendor:'
az account show --query tenantId --output tsv
az keyvault show --name "$vault" --query properties.vaultUri --output tsv
echo "$key"
