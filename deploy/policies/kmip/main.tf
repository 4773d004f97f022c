# HashiCorp Vault Enterprise as the KMIP server: a scope of Keyside's own, and in it two roles. The administrator's makes the key and ends
# it; the daemon's uses it, sees its state, and cannot read it. To be applied against the customer's Vault. Other KMIP servers have the same
# rights under other names: docs/providers/kmip.md.
#
#   terraform init && terraform apply -var 'server_names=["kmip.acme.example"]'
#
# Afterwards: certificates with setup.sh, the key with key.py.

variable "server_names" {
  type        = list(string)
  description = "Names that the certificate of the KMIP listener is to bear."
}

variable "server_ips" {
  type        = list(string)
  default     = []
  description = "Addresses that it is to bear beside them."
}

variable "listen_address" {
  type        = string
  default     = "0.0.0.0:5696"
  description = "Where Vault is to listen for KMIP."
}

variable "path" {
  type        = string
  default     = "kmip"
  description = "Mount path of the KMIP secrets engine."
}

variable "client_ttl" {
  type        = number
  default     = 2592000
  description = "Lifetime of client certificates in seconds; 30 days. Keyside reads a renewed one with its next connection."
}

terraform {
  required_version = ">= 1.5"
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.7.0"
    }
  }
}

resource "vault_kmip_secret_backend" "keyside" {
  path                        = var.path
  description                 = "Keys that Keyside wraps under"
  listen_addrs                = [var.listen_address]
  server_hostnames            = var.server_names
  server_ips                  = var.server_ips
  tls_min_version             = "tls12"
  tls_ca_key_type             = "ec"
  tls_ca_key_bits             = 256
  default_tls_client_key_type = "ec"
  default_tls_client_key_bits = 256
}

resource "vault_kmip_secret_scope" "keyside" {
  path  = vault_kmip_secret_backend.keyside.path
  scope = "keyside"
}

# What the daemon may do, and nothing else. Without Get the key never leaves Vault.
resource "vault_kmip_secret_role" "daemon" {
  path                     = vault_kmip_secret_scope.keyside.path
  scope                    = vault_kmip_secret_scope.keyside.scope
  role                     = "daemon"
  tls_client_ttl           = var.client_ttl
  operation_encrypt        = true
  operation_decrypt        = true
  operation_get_attributes = true
  operation_locate         = true
}

# The customer's own. It keeps the certificate of this role to itself.
resource "vault_kmip_secret_role" "administrator" {
  path                     = vault_kmip_secret_scope.keyside.path
  scope                    = vault_kmip_secret_scope.keyside.scope
  role                     = "administrator"
  tls_client_ttl           = var.client_ttl
  operation_create         = true
  operation_activate       = true
  operation_get_attributes = true
  operation_locate         = true
  operation_revoke         = true
  operation_destroy        = true
}
