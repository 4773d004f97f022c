/** Counts what is as it should be, says what is not, and goes on. */
export class Checks {
  readonly failures: string[] = [];
  passed = 0;
  readonly #say: (sentence: string) => void;

  constructor(say: (sentence: string) => void) {
    this.#say = say;
  }

  note(sentence: string): void {
    this.#say(sentence);
  }

  /** @param problems why it is not met, a sentence each */
  check(isMet: boolean, sentence: string, problems: readonly string[] = []): void {
    this.#say(`  ${isMet ? 'passed' : 'FAILED'}  ${sentence}`);
    for (const problem of problems) this.#say(`          ${problem}`);
    if (isMet) this.passed += 1;
    else this.failures.push([sentence, ...problems].join('\n  '));
  }

  /** Met where there is no problem. */
  none(problems: readonly string[], sentence: string): void {
    this.check(problems.length === 0, sentence, problems);
  }
}
