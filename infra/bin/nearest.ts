// The known name that a misspelt one is nearest to.

/** A name with more changes than this is another name. */
const MOST_CHANGES = 3;

/** `; did you mean X?`, or all names if none is near. */
export function suggestion(given: string, known: readonly string[]): string {
  const longer = known.filter(name => name.startsWith(`${given.toLowerCase()}_`));
  if (longer.length === 1) return `did you mean ${longer[0]}?`;
  const [nearest] = known
    .map(name => ({ name, changes: distance(given.toLowerCase(), name) }))
    .filter(({ name, changes }) => changes <= Math.min(MOST_CHANGES, name.length / 2))
    .sort((a, b) => a.changes - b.changes);
  return nearest ? `did you mean ${nearest.name}?` : `there are ${known.join(', ')}`;
}

/** The least number of letters that are added, left out or replaced. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...from].entries()) {
    const next = [at + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
