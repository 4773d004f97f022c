# A key in AWS KMS for Keyside, and the right to use it for one tenant and nothing else. To be applied in the customer's account; the
# region is that of the provider (AWS_REGION).
#
#   terraform init && terraform apply -var tenant_id=acme -var external_id=acme:7f3c9a \
#     -var vendor_role_arn=arn:aws:iam::444455556666:role/keyside-sidecar

variable "tenant_id" {
  type        = string
  description = "Id of the tenant in Keyside's configuration; every use of the key must state it (encryption context keyside:tenant)."
}

variable "vendor_role_arn" {
  type        = string
  description = "Role that the vendor's daemons run as."
}

variable "external_id" {
  type        = string
  default     = null
  description = "External id that the vendor chose for this customer alone: makes a role that the vendor assumes with it. Left out: the key policy names the vendor's own role."
}

variable "role_name" {
  type        = string
  default     = "keyside"
  description = "Name of the role to make, with external_id."
}

variable "alias" {
  type        = string
  default     = "alias/keyside"
  description = "Alias of the key, for people: the configuration names the key by its ARN."
}

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_caller_identity" "customer" {}

data "aws_partition" "current" {}

locals {
  has_role = var.external_id != null
  user_arn = local.has_role ? aws_iam_role.keyside[0].arn : var.vendor_role_arn
}

# What the vendor assumes. It has no policy of its own: the key policy alone says what it may do.
resource "aws_iam_role" "keyside" {
  count = local.has_role ? 1 : 0
  name  = var.role_name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.vendor_role_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_kms_key" "keyside" {
  description             = "Keyside"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The customer's administrators, as IAM permits them. None of these actions uses the key.
        Sid       = "AccountAdministersTheKey"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.customer.account_id}:root" }
        Action = [
          "kms:DescribeKey",
          "kms:GetKeyPolicy",
          "kms:PutKeyPolicy",
          "kms:ListKeyPolicies",
          "kms:ListGrants",
          "kms:RevokeGrant",
          "kms:EnableKey",
          "kms:DisableKey",
          "kms:GetKeyRotationStatus",
          "kms:EnableKeyRotation",
          "kms:DisableKeyRotation",
          "kms:RotateKeyOnDemand",
          "kms:ListKeyRotations",
          "kms:ScheduleKeyDeletion",
          "kms:CancelKeyDeletion",
          "kms:UpdateKeyDescription",
          "kms:CreateAlias",
          "kms:UpdateAlias",
          "kms:DeleteAlias",
          "kms:TagResource",
          "kms:UntagResource",
          "kms:ListResourceTags",
        ]
        Resource = "*"
      },
      {
        Sid       = "KeysideUsesTheKeyForOneTenant"
        Effect    = "Allow"
        Principal = { AWS = local.user_arn }
        Action    = ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:keyside:tenant" = var.tenant_id } }
      },
      {
        # Takes no encryption context. It is how Keyside tells a disabled key from a missing permission.
        Sid       = "KeysideSeesTheState"
        Effect    = "Allow"
        Principal = { AWS = local.user_arn }
        Action    = "kms:DescribeKey"
        Resource  = "*"
      },
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "keyside" {
  name          = var.alias
  target_key_id = aws_kms_key.keyside.key_id
}

output "key_id" {
  description = "For keyId."
  value       = aws_kms_key.keyside.arn
}

output "role_arn" {
  description = "For credentials.roleArn, beside credentials.externalId; null without external_id."
  value       = local.has_role ? aws_iam_role.keyside[0].arn : null
}
