import { METRICS, type MetricDefinition } from '../src/telemetry/names.ts';
import { prometheusName } from '../src/telemetry/prometheus-names.ts';
import type { Dashboard, Panel } from './dashboard.ts';

const PLACE = 'namespace=~"$namespace"';
const WINDOW = '[$__rate_interval]';
/** What API servers and the policy say of the injector: Kubernetes' own metrics. */
const WEBHOOK = 'name="inject.keyside.dev"';
const POLICY = 'policy=~".*-injector(-webhook)?",enforcement_action="deny"';

const name = (metric: MetricDefinition): string => prometheusName(metric);
const PODS = name(METRICS.podReviewDuration);

const POD_PANELS: readonly Panel[] = [
  {
    title: 'Pods, by what became of them',
    help: 'refused: annotations at fault, the answer to whoever made the pod says which. failed: a fault of the injector, which its log has.',
    unit: 'reqps',
    queries: [[`sum by (outcome) (rate(${PODS}_count{${PLACE}}${WINDOW}))`, '{{outcome}}']],
  },
  {
    title: 'Time to decide about a pod',
    help: 'By itself, without network and TLS.',
    unit: 's',
    queries: [0.5, 0.99].map((q) => [
      `histogram_quantile(${q}, sum by (le) (rate(${PODS}_bucket{${PLACE}}${WINDOW})))`,
      `p${q * 100}`,
    ]),
  },
  {
    title: 'Time that API servers wait for it (p99)',
    help: 'With network and TLS. webhook.timeoutSeconds is where they give up.',
    unit: 's',
    queries: [
      [
        `histogram_quantile(0.99, sum by (le) (rate(apiserver_admission_webhook_admission_duration_seconds_bucket{${WEBHOOK}}${WINDOW})))`,
        'p99',
      ],
    ],
    redFrom: 1,
  },
];

const SAFETY_PANELS: readonly Panel[] = [
  {
    title: 'API servers that went on without it',
    help: 'The injector did not answer, or its certificate was not trusted: pods that asked were left to the policy.',
    unit: 'reqps',
    queries: [[`sum(rate(apiserver_admission_webhook_fail_open_count{${WEBHOOK}}${WINDOW}))`, 'failed open']],
    redFrom: 0.001,
  },
  {
    title: 'Pods and debug containers that the policy refused',
    help: 'Pods that asked and ended without the sidecar; debug containers that mount its volumes or share its processes.',
    unit: 'reqps',
    queries: [[`sum by (policy) (rate(apiserver_validating_admission_policy_check_total{${POLICY}}${WINDOW}))`, '{{policy}}']],
    redFrom: 0.001,
  },
];

const CERTIFICATE_PANELS: readonly Panel[] = [
  {
    title: 'Injectors that answer',
    help: 'Scraped with success, by the name of their Service.',
    unit: 'short',
    queries: [['sum by (job) (up{job=~".*keyside.*-injector"})', '{{job}}']],
    redBelow: 1,
  },
  {
    title: 'Time until the certificate ends',
    help: 'Of each replica. By default the injector renews its own 10 days before the end, and cert-manager 30 days.',
    unit: 's',
    queries: [[`${name(METRICS.certificateExpiry)}{${PLACE}} - time()`, '{{namespace}}/{{pod}}']],
    redBelow: 604_800,
  },
];

/** The injector, seen by itself and by the API servers that ask it. */
export const INJECTOR: Dashboard = {
  uid: 'keyside-injector',
  title: 'Keyside / injector',
  help: 'Whether pods that ask for the sidecar get it. Alerts: keyside-alerts.yaml.',
  variables: [['namespace', `label_values(${PODS}_count, namespace)`]],
  rows: [
    { title: 'Pods', panels: POD_PANELS },
    { title: 'What holds while it does not answer', panels: SAFETY_PANELS },
    { title: 'Injectors and their certificate', panels: CERTIFICATE_PANELS },
  ],
};
