import type { Volume, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import type { Caller } from './caller-containers.ts';
import {
  AUDIT_VOLUME_FOLDER,
  CONFIG_FOLDER,
  IDENTITY_FOLDER,
  SECRETS_FOLDER,
  SOCKET_FOLDER,
  TENANTS_FOLDER,
  TOKENS_FOLDER,
  VOLUMES,
} from './names.ts';
import type { InjectionRequest } from './request.ts';

/** For a socket or a token: what memory pages of any size round up to. */
const TINY = '1Mi';
/** Owner only; Kubernetes lets the pod's `fsGroup` read as well. */
const SECRET_MODE = 0o400;
/** Kubernetes writes a new one when four fifths of it have passed. */
const IDENTITY_SECONDS = 3_600;

/** A volume, and where the sidecar has it. */
interface Placed {
  readonly volume: Volume;
  readonly mountPath: string;
  readonly isReadOnly: boolean;
}

/** All volumes of the sidecar: those that callers share with it first. */
export function sidecarVolumes(request: InjectionRequest, callers: readonly Caller[]): readonly Volume[] {
  return placed(request, callers).map(({ volume }) => volume);
}

export function sidecarMounts(request: InjectionRequest, callers: readonly Caller[]): VolumeMount[] {
  return placed(request, callers).map(({ volume, mountPath, isReadOnly }) => ({
    name: volume.name,
    mountPath,
    ...(isReadOnly ? { readOnly: true } : {}),
  }));
}

function placed(request: InjectionRequest, callers: readonly Caller[]): readonly Placed[] {
  return [
    writable({ name: VOLUMES.socket, emptyDir: { medium: 'Memory', sizeLimit: TINY } }, SOCKET_FOLDER),
    ...callers.map(({ name, tokenVolume }) =>
      writable({ name: tokenVolume, emptyDir: { medium: 'Memory', sizeLimit: TINY } }, `${TOKENS_FOLDER}/${name}`),
    ),
    writable({ name: VOLUMES.audit, emptyDir: { sizeLimit: request.auditSize } }, AUDIT_VOLUME_FOLDER),
    readable({ name: VOLUMES.config, configMap: { name: request.configMap } }, CONFIG_FOLDER),
    ...optional(request.tenantsConfigMap, (name) =>
      readable({ name: VOLUMES.tenantsConfig, configMap: { name } }, TENANTS_FOLDER),
    ),
    ...optional(request.secret, (secretName) =>
      readable({ name: VOLUMES.secret, secret: { secretName, defaultMode: SECRET_MODE } }, SECRETS_FOLDER),
    ),
    ...(request.identityTokens.length === 0 ? [] : [readable(identityVolume(request), IDENTITY_FOLDER)]),
  ];
}

function identityVolume({ identityTokens }: InjectionRequest): Volume {
  const sources = identityTokens.map(({ name, audience }) => ({
    serviceAccountToken: { audience, expirationSeconds: IDENTITY_SECONDS, path: `${name}/token` },
  }));
  return { name: VOLUMES.identity, projected: { sources } };
}

function writable(volume: Volume, mountPath: string): Placed {
  return { volume, mountPath, isReadOnly: false };
}

function readable(volume: Volume, mountPath: string): Placed {
  return { volume, mountPath, isReadOnly: true };
}

function optional(name: string | undefined, place: (name: string) => Placed): readonly Placed[] {
  return name === undefined ? [] : [place(name)];
}
