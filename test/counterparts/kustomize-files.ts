import { join } from 'node:path';
import { type Release, ROOT, renderText } from './helm-chart.ts';

const KUSTOMIZE = join(ROOT, 'deploy/kustomize');

/** A file that is the chart's output, and with which values. */
export interface RenderedFile {
  readonly path: string;
  readonly release: Release;
  /** Kinds that it has of them; undefined: all. */
  readonly kinds?: readonly string[];
}

/** Kustomize has these from the chart, so that neither says what the other does not. */
export const RENDERED: readonly RenderedFile[] = [
  { path: join(KUSTOMIZE, 'base/keyside.yaml'), release: {} },
  { path: join(KUSTOMIZE, 'cert-manager/keyside.yaml'), release: { values: { certificates: { mode: 'cert-manager' } } } },
  {
    path: join(KUSTOMIZE, 'monitoring/monitoring.yaml'),
    release: {
      values: {
        monitoring: {
          serviceMonitor: { enabled: true },
          podMonitor: { enabled: true },
          rules: { enabled: true },
          dashboards: { enabled: true },
        },
      },
    },
    kinds: ['ServiceMonitor', 'PodMonitor', 'PrometheusRule', 'dashboards'],
  },
];

const HEADER = "# The chart's output: change deploy/helm/keyside, then run node tools/render-kustomize.ts.\n";
/** What is true of objects that Helm manages only. */
const OF_HELM = /^ *(?:helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm;

/** What the file must hold. */
export async function renderFile({ release, kinds }: RenderedFile): Promise<string> {
  const documents = (await renderText(release)).split(/^---\n/m).filter((document) => /^kind: /m.test(document));
  const wanted = documents
    .filter(
      (document) =>
        kinds === undefined || kinds.some((kind) => new RegExp(`^(?:kind: ${kind}|  name: .*-${kind})$`, 'm').test(document)),
    )
    .map((document) => `${document.replace(/^# Source: .*\n/m, '').trim()}\n`.replaceAll(OF_HELM, ''));
  return `${HEADER}${wanted.map((document) => `---\n${document}`).join('')}`;
}
