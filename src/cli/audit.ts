import type { Command } from 'commander';
import { addAuditStatus } from './audit-status.ts';
import { addAuditVerify } from './audit-verify.ts';
import type { Terminal } from './terminal.ts';

/** `keyside audit`, with its own verbs. */
export function addAudit(program: Command, terminal: Terminal): void {
  const audit = program.command('audit').description('check the audit trail, and how far its sinks are');
  addAuditVerify(audit, terminal);
  addAuditStatus(audit, terminal);
}
