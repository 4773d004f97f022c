/**
 * Whether an object of a JSON text has a name twice. What parses JSON takes one of the two values, and not always the same one: such
 * a text says two things.
 * Precondition: the text is JSON.
 */
export function hasDuplicateNames(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let isName = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '{') {
      open.push(new Set());
      isName = true;
    } else if (character === '[') {
      open.push(undefined);
      isName = false;
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === ',') {
      isName = open.at(-1) !== undefined;
    } else if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (isName && names !== undefined) {
        const name: string = JSON.parse(text.slice(at, end));
        if (names.has(name)) return true;
        names.add(name);
        isName = false;
      }
      at = end - 1;
    }
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
