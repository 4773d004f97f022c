/** The sidecar's container. */
export const SIDECAR = 'keyside';

/** Every volume of the injector's begins with it, and none of the pod's own may. */
export const VOLUME_PREFIX = 'keyside-';

export const VOLUMES = {
  socket: `${VOLUME_PREFIX}socket`,
  audit: `${VOLUME_PREFIX}audit`,
  config: `${VOLUME_PREFIX}config`,
  tenantsConfig: `${VOLUME_PREFIX}tenants-config`,
  secret: `${VOLUME_PREFIX}secret`,
  identity: `${VOLUME_PREFIX}identity`,
} as const;

/** The volume of one container's token. Numbered: a container's name may be as long as a volume's. */
export function tokenVolume(index: number): string {
  return `${VOLUME_PREFIX}token-${index}`;
}

/** Where containers that call find the socket and their token. */
export const SOCKET_FOLDER = '/run/keyside';
export const SOCKET = `${SOCKET_FOLDER}/keyside.sock`;
export const TOKEN_FOLDER = '/run/keyside-token';
export const TOKEN_FILE = 'token';

/** Where the sidecar finds what only it has. */
export const TOKENS_FOLDER = '/run/keyside-tokens';
export const CONFIG_FOLDER = '/etc/keyside';
export const TENANTS_FOLDER = '/etc/keyside-tenants';
export const SECRETS_FOLDER = '/etc/keyside-secrets';
export const IDENTITY_FOLDER = '/var/run/secrets/keyside';
/** The volume; the trail lies in a folder of it that the daemon makes for itself alone. */
export const AUDIT_VOLUME_FOLDER = '/var/lib/keyside';
export const AUDIT_FOLDER = `${AUDIT_VOLUME_FOLDER}/audit`;

/** Probes and metrics. */
export const HTTP_PORT = 7461;

/** Variables that every client of Keyside reads. */
export const ADDRESS_VARIABLE = 'KEYSIDE_ADDRESS';
export const TOKEN_VARIABLE = 'KEYSIDE_TOKEN_FILE';
