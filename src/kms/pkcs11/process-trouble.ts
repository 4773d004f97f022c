/** `ended`: it crashed, was killed or was told to end. `silent`: it did not answer. `resting`: it failed lately and is left alone. */
export type TroubleKind = 'ended' | 'silent' | 'resting';

interface TroubleOptions {
  /** `silent`: how long; `resting`: how long still. */
  readonly ms?: number;
  readonly cause?: unknown;
}

/** The process that holds a module has no answer to give. */
export class ProcessTrouble extends Error {
  override readonly name = 'ProcessTrouble';
  readonly kind: TroubleKind;
  readonly ms: number;

  constructor(kind: TroubleKind, { ms = 0, cause }: TroubleOptions = {}) {
    super(`the process of the PKCS#11 module: ${kind}`, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.ms = ms;
  }
}
