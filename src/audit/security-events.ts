/** The application's own events (`AuditService.LogSecurityEvent`), each with the OCSF class and activity that it becomes. */

/** OCSF classes by number, as far as records are of them. */
export const OCSF_CLASS = {
  accountChange: 3001,
  authentication: 3002,
  entityManagement: 3004,
  applicationLifecycle: 6002,
  apiActivity: 6003,
  datastoreActivity: 6005,
} as const;

type SecurityClass = 'accountChange' | 'authentication' | 'entityManagement' | 'datastoreActivity' | 'apiActivity';

export interface SecurityMapping {
  readonly class: SecurityClass;
  readonly activityId: number;
  /** OCSF's own caption of the activity, or ours where `activityId` is 99 (Other). */
  readonly activity: string;
  /** The user concerned is an administrator. */
  readonly ofAdmin?: true;
  /** Something that was refused: a failure, with the profile `security_control`. */
  readonly isDenial?: true;
}

const OTHER = 99;

const change = (activityId: number, activity: string): SecurityMapping => ({ class: 'accountChange', activityId, activity });
const otherChange = (activity: string): SecurityMapping => change(OTHER, activity);
const data = (activityId: number, activity: string): SecurityMapping => ({ class: 'datastoreActivity', activityId, activity });

/** Beside these there is `CUSTOM_` and a name of the application's. */
export const SECURITY_EVENTS = {
  ADMIN_ADD: { ...change(1, 'Create'), ofAdmin: true },
  ADMIN_REMOVE: { ...change(6, 'Delete'), ofAdmin: true },
  ADMIN_CHANGE_PERMISSIONS: { ...otherChange('Change Permissions'), ofAdmin: true },
  ADMIN_CHANGE_SETTING: { class: 'entityManagement', activityId: 3, activity: 'Update' },
  DATA_IMPORT: data(5, 'Write'),
  DATA_EXPORT: data(1, 'Read'),
  DATA_ENCRYPT: data(9, 'Encrypt'),
  DATA_DECRYPT: data(10, 'Decrypt'),
  DATA_CREATE: data(6, 'Create'),
  DATA_DELETE: data(7, 'Delete'),
  DATA_DENY_ACCESS: { ...data(1, 'Read'), isDenial: true },
  DATA_CHANGE_PERMISSIONS: data(OTHER, 'Change Permissions'),
  PERIODIC_ENFORCE_RETENTION_POLICY: data(7, 'Delete'),
  PERIODIC_CREATE_BACKUP: data(OTHER, 'Create Backup'),
  USER_ADD: change(1, 'Create'),
  USER_SUSPEND: change(5, 'Disable'),
  USER_REMOVE: change(6, 'Delete'),
  USER_LOGIN: { class: 'authentication', activityId: 1, activity: 'Logon' },
  USER_TIMEOUT_SESSION: { class: 'authentication', activityId: 2, activity: 'Logoff' },
  USER_LOCKOUT: change(9, 'Lock'),
  USER_LOGOUT: { class: 'authentication', activityId: 2, activity: 'Logoff' },
  USER_CHANGE_PERMISSIONS: otherChange('Change Permissions'),
  USER_EXPIRE_PASSWORD: otherChange('Expire Password'),
  USER_RESET_PASSWORD: change(4, 'Password Reset'),
  USER_CHANGE_PASSWORD: change(3, 'Password Change'),
  USER_REJECT_LOGIN: { class: 'authentication', activityId: 1, activity: 'Logon', isDenial: true },
  USER_ENABLE_TWO_FACTOR: change(10, 'MFA Factor Enable'),
  USER_DISABLE_TWO_FACTOR: change(11, 'MFA Factor Disable'),
  USER_CHANGE_EMAIL: otherChange('Change Email'),
  USER_REQUEST_EMAIL_VERIFICATION: otherChange('Request Email Verification'),
  USER_VERIFY_EMAIL: otherChange('Verify Email'),
} as const satisfies Record<string, SecurityMapping>;

export type SecurityEventName = keyof typeof SECURITY_EVENTS;

/** `CUSTOM_` and up to 57 more characters. */
const CUSTOM_NAME = /^CUSTOM_[A-Z0-9_]{1,57}$/;

/** Whether a security event may have this name. */
export function isSecurityEventName(name: string): boolean {
  return Object.hasOwn(SECURITY_EVENTS, name) || CUSTOM_NAME.test(name);
}

/** An event of the application's own making is an API Activity of its own name. */
export function securityMapping(name: string): SecurityMapping {
  if (Object.hasOwn(SECURITY_EVENTS, name)) return SECURITY_EVENTS[name as SecurityEventName];
  return { class: 'apiActivity', activityId: OTHER, activity: name };
}
