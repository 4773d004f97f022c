/** What one process of several measured, in Prometheus's text format. */
export interface ProcessMetrics {
  /** From 1. */
  readonly process: number;
  readonly text: string;
}

interface Family {
  /** Its comments, each once. */
  readonly head: Set<string>;
  readonly samples: string[];
}

const FAMILY = /^# (?:HELP|TYPE|UNIT) (\S+)/;

/**
 * The metrics of several processes as one page: every family once, every sample with the label `process`. Nothing is summed: a process
 * that was replaced begins at 0, which only a series of its own can tell Prometheus.
 */
export function mergeMetrics(pages: readonly ProcessMetrics[]): string {
  const families = new Map<string, Family>();
  for (const { process, text } of pages) {
    let family: Family | undefined;
    for (const line of text.split('\n')) {
      const name = FAMILY.exec(line)?.[1];
      if (name !== undefined) {
        family = families.get(name) ?? { head: new Set(), samples: [] };
        families.set(name, family);
        family.head.add(line);
      } else if (line !== '' && !line.startsWith('#')) {
        family?.samples.push(labelled(line, process));
      }
    }
  }
  return [...families.values()].flatMap(({ head, samples }) => [...head, ...samples].map((line) => `${line}\n`)).join('');
}

/** Precondition: `name value` or `name{labels} value`. */
function labelled(sample: string, process: number): string {
  const end = sample.search(/[{ ]/);
  const name = sample.slice(0, end);
  const rest = sample.slice(end + 1);
  if (sample[end] === ' ') return `${name}{process="${process}"} ${rest}`;
  return `${name}{process="${process}"${rest.startsWith('}') ? '' : ','}${rest}`;
}
