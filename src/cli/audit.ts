import type { Command } from 'commander';
import { addAuditVerify } from './audit-verify.ts';
import type { Terminal } from './terminal.ts';

/** `keyside audit`, with its own verbs. */
export function addAudit(program: Command, terminal: Terminal): void {
  const audit = program.command('audit').description('check the audit trail');
  addAuditVerify(audit, terminal);
}
