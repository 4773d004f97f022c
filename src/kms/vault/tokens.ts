/** Where the token of a connection comes from, and what is done when the server does not take it. */
export interface TokenSource {
  /**
   * A token that is valid as far as is known. May be asked for concurrently; a login is then made once.
   * @throws {CredentialFileFault} or what the login ended in
   */
  current(signal: AbortSignal): Promise<string>;
  /**
   * Called with a token that seems to be valid no more.
   * @returns another one to try once; undefined where the refused one is too young to have died, so that something else was refused
   * @throws {DeadToken} where there is no other; {CredentialFileFault} or what the login ended in
   */
  replace(refused: string, signal: AbortSignal): Promise<string | undefined>;
}
