import type { TestContext } from 'node:test';

/** What a provider must do, in the order of the matrix that `npm run contract` prints. */
export const BEHAVIOURS = {
  wrap: 'wraps and unwraps',
  bound: 'binds the context',
  context: 'wrong context refused',
  disabled: 'key disabled: `KEY_REVOKED`; enabled again',
  deleted: 'key deleted',
  rotated: 'rotated: old data opens, new version wraps',
  refused: 'no permission',
  throttled: 'throttled',
  unreachable: 'unreachable',
  slow: 'slow: left at the time limit',
  garbage: 'garbage answer not believed',
  cancelled: 'cancelled',
  parallel: '64 in parallel',
} as const;

export type Behaviour = keyof typeof BEHAVIOURS;

/** `real`: by the counterpart itself. `scripted`: by a proxy, stub or model before it or in its place. */
export type How = 'real' | 'scripted';

export interface Shown {
  readonly behaviour: Behaviour;
  readonly how: How;
}

const TAG = /^shows: (\w+), (real|scripted)$/;

/** Marks the running test as one that shows a behaviour. To be called before anything in it can fail. */
export function shows(t: TestContext, behaviour: Behaviour, how: How = 'real'): void {
  t.diagnostic(`shows: ${behaviour}, ${how}`);
}

/** What `shows` wrote; undefined for any other diagnostic. */
export function shownBy(message: string): Shown | undefined {
  const [, behaviour, how] = TAG.exec(message) ?? [];
  if (behaviour === undefined) return undefined;
  if (!(behaviour in BEHAVIOURS)) throw new Error(`there is no row for ${behaviour}`);
  return { behaviour: behaviour as Behaviour, how: how as How };
}
