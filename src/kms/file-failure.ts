/** System calls that are made on files alone. */
const FILE_CALLS: ReadonlySet<string> = new Set(['open', 'stat', 'lstat', 'scandir', 'realpath', 'readlink']);

/** What reading a file fails with: a connection that breaks reports the system call `read` too, e.g. as `read ECONNRESET`. */
const READ_FAILURES: ReadonlySet<string> = new Set(['EISDIR', 'EIO', 'EACCES']);

/** Whether an error of the system, by its code and system call, is about a file and not about the network. */
export function isFileFailure(code: string | undefined, syscall: string | undefined): boolean {
  if (syscall === 'read') return READ_FAILURES.has(code ?? '');
  return FILE_CALLS.has(syscall ?? '');
}
