# A Transit key for Keyside, the policy that lets Keyside use it and do nothing else, and an AppRole that carries the policy.
# The provider is configured by VAULT_ADDR, VAULT_TOKEN and VAULT_NAMESPACE, for OpenBao too.

variable "mount" {
  description = "Path where Transit is to be mounted."
  type        = string
  default     = "transit"
}

variable "key" {
  description = "Name of the key; it serves Keyside only."
  type        = string
  default     = "keyside-acme"
}

variable "approle_mount" {
  description = "Path where AppRole is mounted already."
  type        = string
  default     = "approle"
}

variable "token_ttl_seconds" {
  description = "Life of the daemon's tokens; it renews them."
  type        = number
  default     = 1200
}

terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 4.0"
    }
  }
}

resource "vault_mount" "transit" {
  path = var.mount
  type = "transit"

  # The log shows for whom Keyside asks (the base64 of tenant, key configuration and share), and of the rest digests only.
  audit_non_hmac_request_keys = ["associated_data"]
}

# A key that is gone must stay gone: nobody makes one by encrypting.
resource "vault_generic_endpoint" "no_upsert" {
  path                 = "${vault_mount.transit.path}/config/keys"
  data_json            = jsonencode({ disable_upsert = true })
  ignore_absent_fields = true
  disable_delete       = true
}

resource "vault_transit_secret_backend_key" "keyside" {
  backend = vault_mount.transit.path
  name    = var.key
  type    = "aes256-gcm96"

  lifecycle {
    prevent_destroy = true
  }
}

resource "vault_policy" "keyside" {
  name = var.key

  policy = <<-POLICY
    path "${var.mount}/encrypt/${var.key}" {
      capabilities        = ["update"]
      required_parameters = ["plaintext", "associated_data"]
    }

    path "${var.mount}/decrypt/${var.key}" {
      capabilities = ["update"]
    }

    path "${var.mount}/keys/${var.key}" {
      capabilities = ["read"]
    }
  POLICY
}

resource "vault_approle_auth_backend_role" "keyside" {
  backend        = var.approle_mount
  role_name      = var.key
  token_policies = [vault_policy.keyside.name]
  token_ttl      = var.token_ttl_seconds
  token_max_ttl  = 86400
}

output "role_id" {
  description = "Goes into roleIdFile. The secret id is made apart, so that it is not in Terraform's state: vault write -f auth/approle/role/<key>/secret-id"
  value       = vault_approle_auth_backend_role.keyside.role_id
}
