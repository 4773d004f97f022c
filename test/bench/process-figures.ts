import { readFileSync } from 'node:fs';

/** Of the kernel's accounts; the same on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** Processor time that a process used since its start, in milliseconds, with the kernel's work for it. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Processor time of the process while `work` ran, in milliseconds. */
export async function cpuMsOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = cpuMs(pid);
  await work();
  return cpuMs(pid) - before;
}

/** Memory of a process that is resident, in MiB. */
export function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}
