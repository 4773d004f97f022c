import type { Frame } from '../test/bench/stacks.ts';

const [WIDTH, ROW, TOP] = [1_000, 15, 24] as const;
/** Of a character of the font, in pixels; a label is cut to what fits. */
const CHARACTER = 6;
const SHORTEST_LABEL = 3;
/** Frames narrower than this, in pixels, are left to the frame that called them. */
const NARROWEST = 7;
/** Where more would be drawn, the narrowest go too: the file stays below 60 kB. */
const MOST_FRAMES = 280;

const COLOURS: Readonly<Record<string, string>> = {
  'garbage collection': '#c44e52',
  'outside JavaScript': '#8c8c8c',
  'grpc-js': '#dd8452',
  'HTTP/2': '#e8a05c',
  'sockets and streams': '#efc07f',
  messages: '#64b5cd',
  ciphers: '#55a868',
  envelope: '#7bbf88',
  keys: '#4c72b0',
  service: '#6f8fc4',
  rpc: '#92abd3',
  telemetry: '#8172b3',
  log: '#a294c9',
};
const OTHER = '#d5d5d5';

interface Placed {
  readonly frame: Frame;
  /** In pixels. */
  readonly left: number;
  readonly depth: number;
}

/** Stacks as bars, callers above what they called: as wide as their share of the time, coloured by group. Titles name each on hovering. */
export function flameGraph(title: string, root: Frame): string {
  const scale = WIDTH / root.total;
  const at = { frame: root, left: 0, depth: 0 };
  let narrowest = NARROWEST;
  let placed = placedFrames(at, { scale, narrowest });
  while (placed.length > MOST_FRAMES) {
    narrowest *= 1.25;
    placed = placedFrames(at, { scale, narrowest });
  }
  const height = TOP + (1 + Math.max(...placed.map(({ depth }) => depth))) * ROW + 4;
  const bars = placed.map((place) => bar(place, scale, root.total)).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="4" y="15">${escaped(title)}</text>
${bars}</svg>
`;
}

function placedFrames(place: Placed, { scale, narrowest }: { readonly scale: number; readonly narrowest: number }): Placed[] {
  const { frame, left, depth } = place;
  let at = left;
  return [
    place,
    ...frame.children.flatMap((child) => {
      const childAt = at;
      at += child.total * scale;
      const isVisible = child.total * scale >= narrowest;
      return isVisible ? placedFrames({ frame: child, left: childAt, depth: depth + 1 }, { scale, narrowest }) : [];
    }),
  ];
}

function bar({ frame, left, depth }: Placed, scale: number, total: number): string {
  const [x, y, width] = [left.toFixed(1), TOP + depth * ROW, frame.total * scale];
  const fits = Math.floor(width / CHARACTER);
  const label = fits < SHORTEST_LABEL ? '' : `<text x="${x}" y="${y + 11}" dx="2">${escaped(frame.name.slice(0, fits))}</text>`;
  const share = `${((frame.total / total) * 100).toFixed(1)} %`;
  const colour = COLOURS[frame.group] ?? OTHER;
  return `<g><title>${escaped(`${frame.name} (${frame.group}) ${share}`)}</title><rect x="${x}" y="${y}" width="${(width - 0.5).toFixed(1)}" height="14" fill="${colour}"/>${label}</g>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
