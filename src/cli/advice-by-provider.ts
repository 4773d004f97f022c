import type { ErrorReason } from '../core/errors.ts';

/** What to do about some reasons of one kind of KMS, in the words of its own console. */
type Words = Partial<Readonly<Record<ErrorReason, string>>>;

/** Where a kind of KMS needs other words than the general ones. Names of permissions are those of docs/providers and deploy/policies. */
export const WHAT_TO_DO_BY_PROVIDER: Readonly<Record<string, Words>> = {
  local: {
    KEY_REVOKED: '`keyside local-kms enable` enables the key, if its data is to be used again',
    KEY_NOT_FOUND: 'correct `storeFile`, restore the file, or make a new key with `keyside local-kms create`',
    KEY_MISCONFIGURED: 'mend the key store file as the message says',
    KMS_UNAVAILABLE: 'check the disk that the key store file is on',
  },
  aws: {
    KEY_REVOKED: 'enable the key in AWS KMS, cancel its deletion or import its material again, if its data is to be used again',
    KEY_ACCESS_DENIED:
      "the key policy must allow kms:Encrypt, kms:Decrypt, kms:GenerateDataKey and kms:DescribeKey to the daemon's role, that role's own policy must allow the same, and a role to assume must trust it with the same external id",
    KEY_NOT_FOUND:
      'check the account and region of `keyId`: a key of another account needs its ARN; a deleted key is gone for good',
    KEY_MISCONFIGURED:
      'check `region`, `credentials` and the clock; the key must be SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT, and STS active in its region',
    KMS_THROTTLED:
      "try again; where it lasts, raise the account's quota of cryptographic operations or lengthen the policy's lease and cache times",
    KMS_UNAVAILABLE:
      'try again; where it lasts, check `endpoint`, the VPC endpoint, DNS and egress to kms.<region>.amazonaws.com',
    KMS_TIMEOUT:
      'try again; where it lasts, open port 443 from the daemon to kms.<region>.amazonaws.com or the VPC endpoint: a firewall that drops packets looks like this',
  },
  gcp: {
    KEY_REVOKED:
      'enable the key version in Cloud KMS, or restore it while its destruction is only scheduled, if its data is to be used again',
    KEY_ACCESS_DENIED:
      'grant the service account, on the key, cloudkms.cryptoKeyVersions.useToEncrypt and useToDecrypt, and cloudkms.cryptoKeys.get and cryptoKeyVersions.get to see its state; one to impersonate needs iam.serviceAccounts.getAccessToken for the daemon; check that API, billing and VPC Service Controls let it through',
    KEY_NOT_FOUND:
      'check project, location, key ring and key in `keyName`: projects/…/locations/…/keyRings/…/cryptoKeys/…, without a version',
    KEY_MISCONFIGURED:
      'check `credentials` (file, expiry, what it impersonates) and the clock; the key must have the purpose ENCRYPT_DECRYPT and a primary version',
    KMS_THROTTLED:
      "try again; where it lasts, raise the Cloud KMS quota of the project that is charged, or lengthen the policy's lease and cache times",
    KMS_UNAVAILABLE:
      'try again; where it lasts, check `endpoint`, Private Service Connect, DNS, the proxy and egress to cloudkms.googleapis.com; of an external key, its key manager',
    KMS_TIMEOUT:
      'try again; where it lasts, open port 443 from the daemon to `endpoint` (cloudkms.googleapis.com): a firewall that drops packets looks like this; of an external key, look at its key manager',
  },
  azure: {
    KEY_REVOKED: 'enable the key version in Key Vault, or recover the deleted key, if its data is to be used again',
    KEY_ACCESS_DENIED:
      'give the application the role Key Vault Crypto Service Encryption User on the key (of a managed HSM: Managed HSM Crypto Service Encryption User), or in an access policy get, list, wrapKey and unwrapKey on keys; then check the firewall of the vault, the dates nbf and exp of the key, and whether the application is enabled in Entra',
    KEY_NOT_FOUND: 'check `vaultUrl`, `keyName` and `keyVersion`; a purged key is gone for good',
    KEY_MISCONFIGURED:
      'check `tenantId`, `credentials` (client id, expired secret or certificate, federated subject), `vaultUrl`, `originKeyFiles` and the clock; the key must be RSA with the operations wrapKey and unwrapKey',
    KMS_THROTTLED:
      "try again; where it lasts, give Keyside a vault of its own or lengthen the policy's lease and cache times: the limit is the vault's",
    KMS_UNAVAILABLE:
      'try again; where it lasts, check the name in `vaultUrl` (a deleted vault does not resolve), the private endpoint, DNS and egress to the vault and to login.microsoftonline.com',
    KMS_TIMEOUT:
      'try again; where it lasts, open port 443 from the daemon to the host of `vaultUrl` and to login.microsoftonline.com: a firewall that drops packets looks like this',
  },
  vault: {
    KEY_REVOKED:
      'restore the soft-deleted key, lower its `min_decryption_version` or unlock the namespace, if its data is to be used again; a key deleted for good cannot be brought back',
    KEY_ACCESS_DENIED:
      "the policy of the daemon's token must allow `update` on <mount>/encrypt/<keyName> and <mount>/decrypt/<keyName> and `read` on <mount>/keys/<keyName>; of a refused login, check the role and `auth.mount`",
    KEY_NOT_FOUND: 'check `mount`, `keyName` and `namespace`; a key that was deleted is gone for good',
    KEY_MISCONFIGURED:
      'check `auth` (a token that ended, a role id or secret id that is no longer valid: put a new one into its file), `caFile`, `clientCertificateFile` and `address`; the key must be aes256-gcm96 or chacha20-poly1305',
    KMS_THROTTLED: "try again; where it lasts, raise the quota in sys/quotas or lengthen the policy's lease and cache times",
    KMS_UNAVAILABLE:
      'try again; where it lasts, check that `address` leads to an active, unsealed node, and DNS and the firewall on the way to its port',
    KMS_TIMEOUT:
      'try again; where it lasts, open the port of `address` (8200 by default) from the daemon: a firewall that drops packets looks like this; then look at the storage and audit devices of Vault',
  },
  pkcs11: {
    KEY_REVOKED:
      'set CKA_DECRYPT of the key to true again (CKA_UNWRAP with `kwpCall: wrap`), if its data is to be used again: deploy/policies/pkcs11/rights.py enable',
    KEY_ACCESS_DENIED:
      'give the user of `pinFile` the use of the key: CKA_ENCRYPT and CKA_DECRYPT (CKA_WRAP and CKA_UNWRAP with `kwpCall: wrap`) must be true, and the HSM policy must allow it',
    KEY_NOT_FOUND:
      'check `key.id` (hex of CKA_ID), `key.label` (CKA_LABEL) and `keyClass`, and that the user of `pinFile` sees the key; a destroyed key is gone, but for a backup of the HSM',
    KEY_MISCONFIGURED:
      'check what the message names: of a refused PIN, put the right one into `pinFile` (it is not tried again until the file changes; a locked one is reset by the security officer of the token); of a module, its path in `module` and what `ldd` misses; of a mechanism, `preset` and `algorithm`; an RSA key needs `originKeyFiles`',
    KMS_THROTTLED: 'try again; where it lasts, lower `sessions`, or let the HSM have more of them',
    KMS_UNAVAILABLE:
      'compare `token.label`, `token.serial` and `slot` with `pkcs11-tool --module <module> --list-slots`: a wrong label looks like an HSM that is away; where it is right, check the HSM, its client and the network to it',
    KMS_TIMEOUT:
      'try again; where it lasts, check the HSM, the configuration of its client and the firewall on the way, or raise `hangAfterMs`',
  },
  kmip: {
    KEY_REVOKED:
      'a key whose State is not Active serves nobody: activate it where it is Pre-Active; KMIP has no way back from Deactivated, Compromised or Destroyed, but kept material may be registered anew under the same Name',
    KEY_ACCESS_DENIED:
      'allow Encrypt, Decrypt and Get Attributes on the key (and Locate, with `key.name`) to the identity in the client certificate `certificateFile`, and check that the certificate is not revoked',
    KEY_NOT_FOUND:
      'check `key.uniqueIdentifier` or `key.name`, and that the identity in the client certificate may see the key; a destroyed key is gone for good',
    KEY_MISCONFIGURED:
      'check `certificateFile` and `keyFile` (renew an expired client certificate), `caFile` (the authority of the server) and `servername`; the key must be AES with 256 bits, usage mask Encrypt and Decrypt; of an operation that is not supported, try `ivSource: caller` and `batching: false`',
    KMS_THROTTLED: 'try again; where it lasts, lower `connections`, or raise the limit of the server',
    KMS_UNAVAILABLE:
      'try again; where it lasts, check `host`, `port` (5696 by default), DNS and the firewall; a server that refuses a client certificate without an alert looks like this too: check that `certificateFile` is valid and known to it',
    KMS_TIMEOUT:
      'try again; where it lasts, open `port` (5696 by default) of `host` from the daemon: a firewall that drops packets looks like this',
  },
};
