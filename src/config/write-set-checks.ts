import type { ConfigurationFault, FaultPath } from './fault.ts';
import { asList, asMapping } from './raw-value.ts';
import { MAX_WRAPS } from './tenants-schema.ts';
import type { YamlSource } from './yaml-source.ts';

/** What `wrap.shares` of a tenant says that cannot be: of keys there are not, or may not be used, or used twice. */
export function writeSetFaults(
  tenant: Readonly<Record<string, unknown>>,
  path: FaultPath,
  source: YamlSource,
): readonly ConfigurationFault[] {
  const faults: ConfigurationFault[] = [];
  const keys = new Map(asList(tenant.keys).map((entry) => [asMapping(entry).id, asMapping(entry)]));
  const shares = asList(asMapping(tenant.wrap).shares);
  const seen = new Set<unknown>();
  for (const [at, share] of shares.entries()) {
    for (const [position, id] of asList(share).entries()) {
      const refuse = (message: string): void => {
        faults.push(source.faultAt([...path, 'wrap', 'shares', at, position], message));
      };
      const key = keys.get(id);
      if (key === undefined) refuse('is not the id of one of the keys of this tenant');
      else if (key.state === 'disabled') refuse('is the id of a disabled key, which nothing can be wrapped under');
      if (seen.has(id)) refuse('stands there twice: shares have distinct keys');
      seen.add(id);
    }
  }
  if (seen.size > MAX_WRAPS) faults.push(source.faultAt([...path, 'wrap', 'shares'], `has more than ${MAX_WRAPS} keys`));
  const { minimumShares } = tenant;
  const count = Math.max(1, shares.length);
  if (typeof minimumShares === 'number' && count < minimumShares) {
    faults.push(source.faultAt([...path, 'minimumShares'], `is more than the ${count} that new data is wrapped in`));
  }
  return faults;
}
