const LINE_WIDTH = 130;

/** JSON as the formatter of this repository writes it: two spaces, and a list of words on one line where it fits. */
export function jsonText(value: object): string {
  const text = JSON.stringify(value, null, 2);
  return `${text.replaceAll(/^( *(?:"\w+": )?)\[\n([^[\]{}]*)\n *\](,?)$/gm, onOneLine)}\n`;
}

function onOneLine(list: string, ...[start = '', entries = '', comma = '']: string[]): string {
  const line = `${start}[${entries.trim().replaceAll(/,\n */g, ', ')}]${comma}`;
  return line.length > LINE_WIDTH ? list : line;
}
