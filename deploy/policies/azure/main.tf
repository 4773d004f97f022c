# A key for Keyside in the customer's own vault, and the one role that the vendor's application gets on it.
# Run by the customer, in the customer's subscription. Hand over: the three outputs. Nothing of it is secret.

variable "location" {
  description = "Azure region of the vault."
  type        = string
  default     = "westeurope"
}

variable "resource_group_name" {
  description = "Name of the resource group to create."
  type        = string
  default     = "keyside"
}

variable "vault_name" {
  description = "Name of the vault: 3 to 24 letters, digits and hyphens, unique in all of Azure."
  type        = string
}

variable "key_name" {
  description = "Name of the key. It serves Keyside only."
  type        = string
  default     = "keyside"
}

variable "vendor_application_id" {
  description = "Application (client) id of the vendor's multi-tenant application."
  type        = string
}

variable "log_analytics_workspace_id" {
  description = "Resource id of the workspace that keeps the vault's audit log."
  type        = string
}

variable "allowed_ip_ranges" {
  description = "Addresses that the vendor's pods come from, in CIDR form. Empty: from anywhere."
  type        = list(string)
  default     = []
}

terraform {
  required_version = ">= 1.5"
  required_providers {
    azurerm = { source = "hashicorp/azurerm", version = "~> 4.0" }
    azuread = { source = "hashicorp/azuread", version = "~> 3.0" }
  }
}

provider "azurerm" {
  features {}
}

data "azurerm_client_config" "customer" {}

# The vendor's application as this tenant knows it. Creating it is the customer's consent; deleting it takes it back.
resource "azuread_service_principal" "vendor" {
  client_id = var.vendor_application_id
}

resource "azurerm_resource_group" "keyside" {
  name     = var.resource_group_name
  location = var.location
}

resource "azurerm_key_vault" "keyside" {
  name                       = var.vault_name
  location                   = azurerm_resource_group.keyside.location
  resource_group_name        = azurerm_resource_group.keyside.name
  tenant_id                  = data.azurerm_client_config.customer.tenant_id
  sku_name                   = "premium" # keys in an HSM
  rbac_authorization_enabled = true
  purge_protection_enabled   = true # a key that is deleted can be recovered: data under a purged one is lost
  soft_delete_retention_days = 90

  network_acls {
    bypass         = "None"
    default_action = length(var.allowed_ip_ranges) == 0 ? "Allow" : "Deny"
    ip_rules       = var.allowed_ip_ranges
  }
}

resource "azurerm_role_assignment" "customer" {
  scope                = azurerm_key_vault.keyside.id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = data.azurerm_client_config.customer.object_id
}

resource "azurerm_key_vault_key" "keyside" {
  name         = var.key_name
  key_vault_id = azurerm_key_vault.keyside.id
  key_type     = "RSA-HSM"
  key_size     = 3072
  key_opts     = ["wrapKey", "unwrapKey"]

  depends_on = [azurerm_role_assignment.customer]
}

# On this key alone: see it, wrap, unwrap.
resource "azurerm_role_assignment" "vendor" {
  scope                = azurerm_key_vault_key.keyside.resource_versionless_id
  role_definition_name = "Key Vault Crypto Service Encryption User"
  principal_id         = azuread_service_principal.vendor.object_id
}

resource "azurerm_monitor_diagnostic_setting" "audit" {
  name                       = "keyside-audit"
  target_resource_id         = azurerm_key_vault.keyside.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "AuditEvent"
  }
}

output "tenant_id" {
  value = data.azurerm_client_config.customer.tenant_id
}

output "vault_url" {
  value = azurerm_key_vault.keyside.vault_uri
}

output "key_name" {
  value = azurerm_key_vault_key.keyside.name
}
