import type { AzureKeyRequest, AzureVault } from './azure-kms.ts';
import { type AzureFailure, failureOf } from './errors.ts';

/** What was refused, and whom to ask about it. */
export interface Refused extends AzureKeyRequest {
  readonly vault: AzureVault;
}

/**
 * A refusal with its cause, as far as the vault tells it. A customer is told that its key is revoked only after the vault has confirmed
 * it: a 403 also is the firewall, a 404 also a wrong name.
 * @throws {AzureError} where the vault could not be asked; then the failure stands as it was
 */
export async function confirmed(failure: AzureFailure, refused: Refused): Promise<AzureFailure> {
  if (failure.confirm === 'deleted') return await ifDeleted(failure, refused);
  if (failure.confirm === 'disabled') return await ifDisabled(failure, refused);
  return failure;
}

async function ifDeleted(failure: AzureFailure, { vault, keyName, signal }: Refused): Promise<AzureFailure> {
  const deletion = await vault.getDeletion(keyName, signal);
  if (deletion === undefined) return failure;
  return { ...failure, reason: 'KEY_REVOKED', scope: 'key', says: 'it is deleted, and can be recovered until it is purged' };
}

async function ifDisabled(failure: AzureFailure, refused: Refused): Promise<AzureFailure> {
  const says = 'Azure refuses although the key is enabled: see role assignments, access policies and the firewall of the vault';
  if (await isEnabled(refused)) return { ...failure, reason: 'KEY_ACCESS_DENIED', says };
  return await revoked(failure, refused);
}

/** A disabled version as a failure, with its scope: nothing less than another enabled version narrows it. */
export async function revoked(failure: AzureFailure, refused: Refused): Promise<AzureFailure> {
  const { vault, signal } = refused;
  const hasOther = await vault.hasOtherEnabledVersion(refused).catch(() => false);
  signal.throwIfAborted();
  const scope = hasOther ? 'version' : 'key';
  const says = hasOther ? 'this version of it is disabled in Azure' : 'it is disabled in Azure';
  return { ...failure, reason: 'KEY_REVOKED', scope, says };
}

/** Azure shows a disabled key to whoever may see it. A vault that refuses even that because the key is disabled has confirmed it too. */
async function isEnabled({ vault, keyName, version, signal }: Refused): Promise<boolean> {
  try {
    return (await vault.getKey({ keyName, version, signal })).isEnabled;
  } catch (error) {
    if (failureOf(error).code === 'KeyDisabled') return false;
    throw error;
  }
}
