import type { ApiServer } from './api-server.ts';

/** The first version whose kubelets start native sidecars unless told not to. */
const FIRST = { major: 1, minor: 29 } as const;

/**
 * Whether the cluster has native sidecars, by the version of its API server.
 * @throws {ApiServerError}; {Error} where it says no version
 */
export async function hasNativeSidecars(api: Pick<ApiServer, 'get'>): Promise<boolean> {
  const { major, minor } = await api.get('/version');
  const [ofMajor, ofMinor] = [major, minor].map(leadingNumber);
  if (ofMajor === undefined || ofMinor === undefined) throw new Error('the API server says no version');
  return ofMajor > FIRST.major || (ofMajor === FIRST.major && ofMinor >= FIRST.minor);
}

/** Some clusters write `29+`. */
function leadingNumber(text: unknown): number | undefined {
  const [digits] = (typeof text === 'string' && /^\d{1,6}/.exec(text)) || [];
  return digits === undefined ? undefined : Number(digits);
}
