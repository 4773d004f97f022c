export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts beside a constant message. Never key bytes, plaintext, tokens or context values. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes one JSON object a line. Messages are constant; what varies is in the fields. Never throws. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
}
