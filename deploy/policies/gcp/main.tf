# A key in Google Cloud KMS for Keyside, and the right to use it and nothing else. To be applied in the customer's project.
#
#   terraform init && terraform apply -var project=acme-prod -var location=europe-west3 \
#     -var 'vendor_principal=serviceAccount:keyside-sidecar@vendor-prod.iam.gserviceaccount.com'

variable "project" {
  type        = string
  description = "Id of the customer's project."
}

variable "location" {
  type        = string
  description = "Location of the key, e.g. europe-west3. It cannot be changed later, nor can a key ring be deleted."
}

variable "vendor_principal" {
  type        = string
  description = "Who may act as the customer's service account: serviceAccount:… or principal://iam.googleapis.com/… of the vendor."
}

variable "protection_level" {
  type        = string
  default     = "SOFTWARE"
  description = "SOFTWARE or HSM. External keys (EXTERNAL, EXTERNAL_VPC) need a version that names their key manager."
}

variable "rotation_period" {
  type        = string
  default     = "7776000s"
  description = "A new primary version so often; 90 days."
}

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 5.0"
    }
  }
}

provider "google" {
  project = var.project
}

resource "google_project_service" "needed" {
  for_each           = toset(["cloudkms.googleapis.com", "iam.googleapis.com", "iamcredentials.googleapis.com"])
  service            = each.value
  disable_on_destroy = false
}

resource "google_kms_key_ring" "keyside" {
  name       = "keyside"
  location   = var.location
  depends_on = [google_project_service.needed]
}

resource "google_kms_crypto_key" "keyside" {
  name            = "keyside"
  key_ring        = google_kms_key_ring.keyside.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = var.rotation_period

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true
  }
}

# The account that uses the key. It has no key file; the vendor acts as it.
resource "google_service_account" "keyside" {
  account_id   = "keyside"
  display_name = "Keyside"
  depends_on   = [google_project_service.needed]
}

# Two roles: whoever takes the first one away cuts Keyside off within seconds, and it still sees that the key is disabled.
resource "google_project_iam_custom_role" "use_key" {
  role_id = "keysideUseKey"
  title   = "Keyside: use the key"
  permissions = [
    "cloudkms.cryptoKeyVersions.useToEncrypt",
    "cloudkms.cryptoKeyVersions.useToDecrypt",
  ]
}

resource "google_project_iam_custom_role" "see_state" {
  role_id = "keysideSeeState"
  title   = "Keyside: see the state of the key"
  permissions = [
    "cloudkms.cryptoKeys.get",
    "cloudkms.cryptoKeyVersions.get",
  ]
}

resource "google_kms_crypto_key_iam_member" "keyside" {
  for_each = {
    use_key   = google_project_iam_custom_role.use_key.id
    see_state = google_project_iam_custom_role.see_state.id
  }
  crypto_key_id = google_kms_crypto_key.keyside.id
  role          = each.value
  member        = google_service_account.keyside.member
}

resource "google_project_iam_custom_role" "act_as" {
  role_id     = "keysideActAs"
  title       = "Keyside: act as its service account"
  permissions = ["iam.serviceAccounts.getAccessToken"]
}

resource "google_service_account_iam_member" "act_as" {
  service_account_id = google_service_account.keyside.name
  role               = google_project_iam_custom_role.act_as.id
  member             = var.vendor_principal
}

# Without it the customer sees no Encrypt and no Decrypt. It applies to every key of the project, and entries cost.
resource "google_project_iam_audit_config" "cloudkms" {
  project = var.project
  service = "cloudkms.googleapis.com"

  audit_log_config {
    log_type = "DATA_READ"
  }
  audit_log_config {
    log_type = "ADMIN_READ"
  }
}

output "key_name" {
  description = "For keyName."
  value       = google_kms_crypto_key.keyside.id
}

output "service_account" {
  description = "For credentials.impersonate.serviceAccount."
  value       = google_service_account.keyside.email
}
