/** Writes the files of deploy/kustomize that are the chart's output; `--check` only compares. Needs Helm: it is fetched into `.tools`. */
import { relative } from 'node:path';
import { ROOT } from '../test/counterparts/helm-chart.ts';
import { whyNoHelm } from '../test/counterparts/kubernetes-tools.ts';
import { RENDERED, renderFile } from '../test/counterparts/kustomize-files.ts';
import { writeOrCheck } from './generated-file.ts';

const missing = await whyNoHelm();
if (missing !== undefined) throw new Error(missing);
for (const file of RENDERED) writeOrCheck(relative(ROOT, file.path), await renderFile(file));
