const QUANTITY = /^\+?(\d{1,18}(?:\.\d{0,9})?|\.\d{1,9})(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d{1,2}))?$/;

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A kind of quantity, its bounds inclusive and in base units: cores or bytes. */
export interface QuantityRange {
  readonly min: number;
  readonly max: number;
  /** Bytes are whole: `512m` of memory is half a byte, and always a slip. */
  readonly isWhole: boolean;
  /** What a value must be, in words. */
  readonly words: string;
}

export const CPU: QuantityRange = {
  min: 0.001,
  max: 256,
  isWhole: false,
  words: 'must be a quantity of cores from 1m to 256, such as 100m or 2',
};

export const MEMORY: QuantityRange = {
  min: 64 * 2 ** 20,
  max: 2 ** 40,
  isWhole: true,
  words: 'must be a quantity of bytes from 64Mi to 1Ti, such as 512Mi',
};

export const AUDIT_SIZE: QuantityRange = {
  min: 128 * 2 ** 20,
  max: 2 ** 40,
  isWhole: true,
  words: 'must be a quantity of bytes from 128Mi to 1Ti, such as 2Gi',
};

/** What a quantity of Kubernetes stands for, in base units (cores, bytes); undefined for every other text and for negative ones. */
export function parseQuantity(text: string): number | undefined {
  const [, digits, suffix, exponent] = QUANTITY.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const factor = suffix === undefined ? 10 ** Number(exponent ?? 0) : (FACTORS[suffix] ?? 1);
  return Number(digits) * factor;
}

/** Whether the text is a quantity within the range. */
export function isQuantityOf(range: QuantityRange, text: string): boolean {
  const value = parseQuantity(text);
  return value !== undefined && value >= range.min && value <= range.max && (!range.isWhole || Number.isInteger(value));
}

/** Whether both are the same amount: an API server writes `1024Mi` as `1Gi`. */
export function isSameQuantity(a: string, b: string): boolean {
  const amount = parseQuantity(a);
  return a === b || (amount !== undefined && amount === parseQuantity(b));
}
