/**
 * Writes deploy/dashboards/*.json from the tables of graphs, and copies dashboards and alerts to where the chart needs them: Helm reads
 * no file outside of a chart.
 */
import { readFileSync } from 'node:fs';
import { type Dashboard, grafanaModel } from './dashboard.ts';
import { INJECTOR } from './dashboard-injector.ts';
import { SIDECARS } from './dashboard-sidecars.ts';
import { writeOrCheck } from './generated-file.ts';
import { jsonText } from './json-text.ts';

const FOLDERS = ['deploy/dashboards', 'deploy/helm/keyside/files'];
const DASHBOARDS: readonly Dashboard[] = [SIDECARS, INJECTOR];
const ALERTS = 'keyside-alerts.yaml';

for (const dashboard of DASHBOARDS)
  for (const folder of FOLDERS) writeOrCheck(`${folder}/${dashboard.uid}.json`, jsonText(grafanaModel(dashboard)));
const [source, ...copies] = FOLDERS;
for (const folder of copies) writeOrCheck(`${folder}/${ALERTS}`, readFileSync(`${source}/${ALERTS}`, 'utf8'));
