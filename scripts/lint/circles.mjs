// Circles in a graph of files.

/** The groups of files that reach each other by arrows { from, to }, each with more than one file. */
export function circles(arrows) {
  const next = new Map();
  for (const { from, to } of arrows) {
    if (!next.has(from)) next.set(from, new Set());
    if (!next.has(to)) next.set(to, new Set());
    next.get(from).add(to);
  }
  const reached = new Map([...next.keys()].map(file => [file, reachable(next, file)]));
  const left = new Set([...next.keys()].sort());
  const groups = [];
  for (const file of left) {
    const group = [...left].filter(other => other === file || (reached.get(file).has(other) && reached.get(other).has(file)));
    for (const member of group) left.delete(member);
    if (group.length > 1) groups.push(group);
  }
  return groups;
}

function reachable(next, start) {
  const seen = new Set();
  const waiting = [...next.get(start)];
  while (waiting.length > 0) {
    const file = waiting.pop();
    if (seen.has(file)) continue;
    seen.add(file);
    waiting.push(...next.get(file));
  }
  return seen;
}
