import { setTimeout as pause } from 'node:timers/promises';
import type { NetworkFault } from '../counterparts/toxiproxy.ts';
import { ATTEMPT_MS, type FaultTenant, type FaultWorld } from './fault-world.ts';
import type { Others, OthersSeen } from './others.ts';
import { Victim, type VictimCall } from './victim.ts';

/** How long anything is waited for that comes by itself; a breaker looks again after at most five seconds. */
const PATIENCE_MS = 20_000;
/** Attempts that were under way when the breaker opened have ended after this. */
const SETTLE_MS = ATTEMPT_MS + 200;
/** More than the second for which the daemon's `/metrics` stay as they are. */
const COUNTING_MS = 1_500;

export interface RoundSettings {
  readonly fault: NetworkFault;
  readonly victim: FaultTenant;
  /** How long each of the two quiet parts and the disturbed one between them takes, at least. */
  readonly partMs: number;
}

export interface RoundSeen {
  readonly fault: NetworkFault;
  readonly provider: FaultTenant['provider'];
  /** The mean of the parts before and after. */
  readonly quiet: OthersSeen;
  readonly disturbed: OthersSeen;
  /** How the victim's calls ended that were started before the fault or after the recovery. */
  readonly well: readonly VictimCall[];
  /** How they ended from the fault's start until the first success after it. */
  readonly during: readonly VictimCall[];
  /** Of a second and a half with the breaker open: the victim's calls, and the attempts that were made at its KMS. */
  readonly whileOpen: { readonly calls: number; readonly attempts: number };
  /** From the end of the fault to the first call that was started after it and succeeded. */
  readonly recoveryMs: number;
  readonly quietMib: number;
  readonly disturbedMib: number;
}

/** Whether the call was ended by the open breaker, without asking the KMS. */
export function isSpared({ reason, sentence }: VictimCall): boolean {
  return reason === 'KMS_UNAVAILABLE' && sentence.includes('is not asked for a moment');
}

/** A quiet part, a disturbed one, the recovery, and a quiet part again, one after the other under the same load. */
export async function playRound(world: FaultWorld, others: Others, settings: RoundSettings): Promise<RoundSeen> {
  const { fault, victim: tenant, partMs } = settings;
  await others.load(world.tenants.filter((each) => each !== tenant).map(({ id }) => id));
  const victim = new Victim(world.daemon.tcp, tenant.id);
  let isDisturbed = false;
  try {
    await victim.until(({ reason }) => reason === 'OK', PATIENCE_MS);
    victim.take();
    const quietBefore = await others.during(() => pause(partMs));
    const quietMib = await world.memoryMib();
    const well = [...victim.take()];
    isDisturbed = true;
    const during: VictimCall[] = [];
    let whileOpen = { calls: 0, attempts: 0 };
    const disturbed = await others.during(async () => {
      await tenant.proxy.disturb(fault);
      const observe = async (): Promise<void> => {
        await victim.until(isSpared, PATIENCE_MS);
        await pause(SETTLE_MS);
        during.push(...victim.take());
        const attempts = await world.kmsCalls(tenant);
        await pause(COUNTING_MS);
        const ofThisTime = victim.take();
        during.push(...ofThisTime);
        whileOpen = { calls: ofThisTime.length, attempts: (await world.kmsCalls(tenant)) - attempts };
      };
      await Promise.all([pause(partMs), observe()]);
    });
    const disturbedMib = await world.memoryMib();
    await tenant.proxy.restore(fault);
    isDisturbed = false;
    const restoredMs = performance.now();
    await victim.until(({ reason }) => reason === 'OK', PATIENCE_MS);
    const recoveredMs = performance.now();
    during.push(...victim.take());
    const quietAfter = await others.during(() => pause(partMs));
    well.push(...victim.take().filter(({ startedMs }) => startedMs >= recoveredMs));
    const quiet = meanOf(quietBefore, quietAfter);
    const recoveryMs = recoveredMs - restoredMs;
    const { provider } = tenant;
    return { fault, provider, quiet, disturbed, well, during, whileOpen, recoveryMs, quietMib, disturbedMib };
  } finally {
    if (isDisturbed) await tenant.proxy.restore(fault).catch(() => undefined);
    await victim.stop();
  }
}

function meanOf(a: OthersSeen, b: OthersSeen): OthersSeen {
  return { callsPerSecond: (a.callsPerSecond + b.callsPerSecond) / 2, p99Ms: (a.p99Ms + b.p99Ms) / 2 };
}
