#!/usr/bin/env bash
# A key in Google Cloud KMS for Keyside, and the right to use it and nothing else. To be run in the customer's project with
# gcloud, by someone who may administer Cloud KMS and IAM there. May be run again: what exists already is left as it is.
set -euo pipefail

PROJECT='acme-prod'
LOCATION='europe-west3'        # of the key: it cannot be changed later, nor can a key ring be deleted
PROTECTION_LEVEL='software'    # or hsm
ROTATION_PERIOD='90d'
VENDOR_PRINCIPAL='serviceAccount:keyside-sidecar@vendor-prod.iam.gserviceaccount.com'

ACCOUNT="keyside@$PROJECT.iam.gserviceaccount.com"
KEY="projects/$PROJECT/locations/$LOCATION/keyRings/keyside/cryptoKeys/keyside"

# Runs the command that creates something, unless the one that describes it succeeds.
ensure() {
  local describe=$1
  shift
  eval "$describe" >/dev/null 2>&1 || "$@"
}

gcloud services enable cloudkms.googleapis.com iam.googleapis.com iamcredentials.googleapis.com --project="$PROJECT"

ensure "gcloud kms keyrings describe keyside --location='$LOCATION' --project='$PROJECT'" \
  gcloud kms keyrings create keyside --location="$LOCATION" --project="$PROJECT"

ensure "gcloud kms keys describe keyside --keyring=keyside --location='$LOCATION' --project='$PROJECT'" \
  gcloud kms keys create keyside --keyring=keyside --location="$LOCATION" --project="$PROJECT" \
  --purpose=encryption --protection-level="$PROTECTION_LEVEL" \
  --rotation-period="$ROTATION_PERIOD" --next-rotation-time="+p$ROTATION_PERIOD"

ensure "gcloud iam service-accounts describe '$ACCOUNT' --project='$PROJECT'" \
  gcloud iam service-accounts create keyside --display-name='Keyside' --project="$PROJECT"

# role ID TITLE PERMISSIONS
role() {
  ensure "gcloud iam roles describe '$1' --project='$PROJECT'" \
    gcloud iam roles create "$1" --project="$PROJECT" --title="$2" --permissions="$3"
}

# Two roles for the key: whoever takes the first one away cuts Keyside off within seconds, and it still sees that the key is disabled.
role keysideUseKey 'Keyside: use the key' \
  'cloudkms.cryptoKeyVersions.useToEncrypt,cloudkms.cryptoKeyVersions.useToDecrypt'
role keysideSeeState 'Keyside: see the state of the key' 'cloudkms.cryptoKeys.get,cloudkms.cryptoKeyVersions.get'
role keysideActAs 'Keyside: act as its service account' 'iam.serviceAccounts.getAccessToken'

for ROLE in keysideUseKey keysideSeeState; do
  gcloud kms keys add-iam-policy-binding keyside --keyring=keyside --location="$LOCATION" --project="$PROJECT" \
    --member="serviceAccount:$ACCOUNT" --role="projects/$PROJECT/roles/$ROLE" --condition=None >/dev/null
done

gcloud iam service-accounts add-iam-policy-binding "$ACCOUNT" --project="$PROJECT" \
  --member="$VENDOR_PRINCIPAL" --role="projects/$PROJECT/roles/keysideActAs" --condition=None >/dev/null

cat <<EOF
keyName:        $KEY
serviceAccount: $ACCOUNT

Encrypt and Decrypt appear in the project's log once Data Access audit logs of cloudkms.googleapis.com are switched on
(DATA_READ, ADMIN_READ): console, IAM & Admin, Audit Logs.

To cut Keyside off: disable the versions, and take the permission, which takes effect within seconds:
  gcloud kms keys versions disable VERSION --key=keyside --keyring=keyside --location=$LOCATION --project=$PROJECT
  gcloud kms keys remove-iam-policy-binding keyside --keyring=keyside --location=$LOCATION --project=$PROJECT \\
    --member=serviceAccount:$ACCOUNT --role=projects/$PROJECT/roles/keysideUseKey
EOF
