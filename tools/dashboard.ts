/** Grafana's dashboards as this project writes them: rows of graphs over Prometheus. */

export interface Panel {
  readonly title: string;
  /** What it tells, and what to do about it. */
  readonly help: string;
  /** Grafana's id of a unit: s, bytes, reqps, percentunit, short. */
  readonly unit: string;
  /** PromQL, and the legend of its series. */
  readonly queries: readonly (readonly [expression: string, legend: string])[];
  /** From which value on a graph is red. */
  readonly redFrom?: number;
  /** Below which value it is red. */
  readonly redBelow?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** Stays the same for ever: links are made of it. */
  readonly uid: string;
  readonly title: string;
  readonly help: string;
  /** Names of variables, and the query for what each may be. */
  readonly variables: readonly (readonly [name: string, query: string])[];
  readonly rows: readonly Row[];
}

const PANELS_A_ROW = 3;
const GRID_WIDTH = 24;
const PANEL_HEIGHT = 8;
const DATASOURCE = { type: 'prometheus', uid: '$' + '{datasource}' };

/** The JSON model that Grafana imports. */
export function grafanaModel({ uid, title, help, variables, rows }: Dashboard): object {
  return {
    uid,
    title,
    description: help,
    tags: ['keyside'],
    schemaVersion: 39,
    editable: true,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: [datasourceVariable(), ...variables.map(queryVariable)] },
    panels: placed(rows),
  };
}

function datasourceVariable(): object {
  return { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' };
}

function queryVariable([name, query]: readonly [string, string]): object {
  return {
    name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
    sort: 1,
  };
}

/** All panels with their places and numbers: each row's title, and its graphs below, three beside each other. */
function placed(rows: readonly Row[]): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: graphs } of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { x: 0, y, w: GRID_WIDTH, h: 1 }, panels: [] });
    y += 1;
    const w = GRID_WIDTH / PANELS_A_ROW;
    for (const [index, graph] of graphs.entries()) {
      const gridPos = {
        x: (index % PANELS_A_ROW) * w,
        y: y + Math.floor(index / PANELS_A_ROW) * PANEL_HEIGHT,
        w,
        h: PANEL_HEIGHT,
      };
      panels.push({ id: panels.length + 1, ...graphModel(graph), gridPos });
    }
    y += Math.ceil(graphs.length / PANELS_A_ROW) * PANEL_HEIGHT;
  }
  return panels;
}

function graphModel({ title, help, unit, queries, redFrom, redBelow }: Panel): object {
  const steps = [
    { color: redBelow === undefined ? 'green' : 'red', value: null },
    ...(redFrom === undefined ? [] : [{ color: 'red', value: redFrom }]),
    ...(redBelow === undefined ? [] : [{ color: 'green', value: redBelow }]),
  ];
  const isLimited = steps.length > 1;
  return {
    type: 'timeseries',
    title,
    description: help,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps },
        custom: { fillOpacity: 5, showPoints: 'never', thresholdsStyle: { mode: isLimited ? 'dashed' : 'off' } },
      },
      overrides: [],
    },
    options: { legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] }, tooltip: { mode: 'multi' } },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat,
    })),
  };
}
