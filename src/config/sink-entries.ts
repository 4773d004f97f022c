import type { ConfiguredSink } from '../tenants/tenant.ts';
import type { ConfigurationFault, FaultPath } from './fault.ts';
import { asList, asMapping } from './raw-value.ts';
import type { SinkEntry } from './sink-schema.ts';
import { CONFIGURED_SINK_KINDS, needsSettings, SINK_SETTINGS } from './sink-settings.ts';
import type { YamlSource } from './yaml-source.ts';

/** The sinks of a list that is without fault, with their paths as they stand there. */
export function configuredSinks(entries: readonly SinkEntry[]): readonly ConfiguredSink[] {
  return entries.map((entry) => {
    const { name, kind, events } = entry;
    return { name, kind, events, settings: entry[kind] ?? SINK_SETTINGS[kind].parse({}) };
  });
}

/** What a list of sinks says that cannot be, read as it stands in the file: a name twice, a block that is missing or another kind's. */
export function sinkFaults(sinks: unknown, path: FaultPath, source: YamlSource): readonly ConfigurationFault[] {
  const names = new Set<unknown>();
  return asList(sinks).flatMap((entry, at) => {
    const sink = asMapping(entry);
    const faults = blockFaults(sink, [...path, at], source);
    const isTaken = sink.name !== undefined && names.has(sink.name);
    names.add(sink.name);
    return isTaken ? [source.faultAt([...path, at, 'name'], 'is the name of another sink of this list'), ...faults] : faults;
  });
}

/** Exactly the block that is named like the kind. */
function blockFaults(sink: Readonly<Record<string, unknown>>, path: FaultPath, source: YamlSource): ConfigurationFault[] {
  const kind = CONFIGURED_SINK_KINDS.find((name) => name === sink.kind);
  if (kind === undefined) return [];
  const others = CONFIGURED_SINK_KINDS.filter((other) => other !== kind && sink[other] !== undefined);
  const faults = others.map((other) => source.faultAtKey([...path, other], `does not belong to a sink of kind ${kind}`));
  const isMissing = sink[kind] === undefined && needsSettings(kind);
  return isMissing ? [source.faultAt([...path, kind], 'is missing'), ...faults] : faults;
}
