#!/usr/bin/env bash
# A key in AWS KMS for Keyside, and the right to use it for one tenant and nothing else: the same as main.tf, by the AWS CLI. Run by
# the customer, signed in to the customer's account as someone who may administer KMS and IAM there, in the key's region (AWS_REGION).
# May be run again: what exists already is left as it is.
set -euo pipefail

TENANT="${TENANT:-acme}"                # id of the tenant in Keyside's configuration: every use of the key must state it
VENDOR_ROLE="${VENDOR_ROLE:-CHANGE-ME}" # ARN of the role that the vendor's daemons run as
EXTERNAL_ID="${EXTERNAL_ID-CHANGE-ME}"  # chosen by the vendor for this customer alone; empty: the key policy names VENDOR_ROLE itself
ROLE="${ROLE:-keyside}"                 # name of the role to make, which the vendor assumes with the external id
ALIAS="${ALIAS:-alias/keyside}"         # of the key, for people: the configuration names the key by its ARN

for VALUE in "$VENDOR_ROLE" "$EXTERNAL_ID"; do
  if [ "$VALUE" = CHANGE-ME ]; then
    echo 'set VENDOR_ROLE and EXTERNAL_ID first, in the environment or at the top of this file' >&2
    exit 1
  fi
done

CALLER="$(aws sts get-caller-identity --query Arn --output text)"
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
PARTITION="$(cut -d : -f 2 <<<"$CALLER")"

if [ -n "$EXTERNAL_ID" ]; then
  USER_ARN="arn:$PARTITION:iam::$ACCOUNT:role/$ROLE"
  # It has no policy of its own: the key policy alone says what it may do.
  TRUST_POLICY="$(cat <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "AWS": "$VENDOR_ROLE" },
      "Action": "sts:AssumeRole",
      "Condition": { "StringEquals": { "sts:ExternalId": "$EXTERNAL_ID" } }
    }
  ]
}
JSON
  )"
  aws iam get-role --role-name "$ROLE" >/dev/null 2>&1 ||
    aws iam create-role --role-name "$ROLE" --description Keyside --assume-role-policy-document "$TRUST_POLICY" >/dev/null
else
  USER_ARN="$VENDOR_ROLE"
fi

# The account's administrators, as IAM permits them, may do all but use the key; Keyside may do nothing but use it and see its state.
KEY_POLICY="$(cat <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "AccountAdministersTheKey",
      "Effect": "Allow",
      "Principal": { "AWS": "arn:$PARTITION:iam::$ACCOUNT:root" },
      "Action": [
        "kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListKeyPolicies", "kms:ListGrants", "kms:RevokeGrant",
        "kms:EnableKey", "kms:DisableKey", "kms:GetKeyRotationStatus", "kms:EnableKeyRotation", "kms:DisableKeyRotation",
        "kms:RotateKeyOnDemand", "kms:ListKeyRotations", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
        "kms:UpdateKeyDescription", "kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias", "kms:TagResource",
        "kms:UntagResource", "kms:ListResourceTags"
      ],
      "Resource": "*"
    },
    {
      "Sid": "KeysideUsesTheKeyForOneTenant",
      "Effect": "Allow",
      "Principal": { "AWS": "$USER_ARN" },
      "Action": ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"],
      "Resource": "*",
      "Condition": { "StringEquals": { "kms:EncryptionContext:keyside:tenant": "$TENANT" } }
    },
    {
      "Sid": "KeysideSeesTheState",
      "Effect": "Allow",
      "Principal": { "AWS": "$USER_ARN" },
      "Action": "kms:DescribeKey",
      "Resource": "*"
    }
  ]
}
JSON
)"

key_arn() { aws kms describe-key --key-id "$ALIAS" --query KeyMetadata.Arn --output text; }

if ! key_arn >/dev/null 2>&1; then
  # A new role takes its time to be known to KMS, which then calls the policy malformed.
  for ATTEMPT in $(seq 1 12); do
    if KEY_ID="$(aws kms create-key --description Keyside --policy "$KEY_POLICY" --query KeyMetadata.KeyId --output text)"; then
      break
    fi
    [ "$ATTEMPT" -lt 12 ] || exit 1
    sleep 5
  done
  aws kms create-alias --alias-name "$ALIAS" --target-key-id "$KEY_ID"
  aws kms enable-key-rotation --key-id "$KEY_ID"
fi

cat <<TEXT
keyId:      $(key_arn)
TEXT
[ -z "$EXTERNAL_ID" ] || cat <<TEXT
roleArn:    $USER_ARN
externalId: $EXTERNAL_ID
TEXT
cat <<TEXT

To cut Keyside off, and to let it in again:
  aws kms disable-key --key-id $(key_arn)
  aws kms enable-key --key-id $(key_arn)
TEXT
