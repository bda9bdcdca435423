// Rust source as tokens: identifiers, punctuation and text literals, each with its line. Comments are left out.

const SPACE = /\s+/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const RAW_TEXT = /(?:br|cr|r)(#*)"/y;
const TEXT = /[bc]?"((?:[^"\\]|\\[\s\S])*)"/y;
const CHARACTER = /b?'(?:\\u\{[^}]*\}|\\x[0-9a-fA-F]{2}|\\.|[^\\'])'/uy;
const LIFETIME = /'(?:r#)?[\p{XID_Start}_]\p{XID_Continue}*/uy;
const NUMBER = /\d[\w]*(?:\.\d[\w]*)?/y;
const IDENTIFIER = /(?:r#)?([\p{XID_Start}_]\p{XID_Continue}*)/uy;

/** The tokens of a Rust source: { kind: 'identifier' | 'text' | 'other', text, line }. */
export function tokensOf(source) {
  const tokens = [];
  let at = 0;
  let line = 1;

  const matched = pattern => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  const skip = length => {
    for (let index = at; index < at + length; index += 1) if (source[index] === '\n') line += 1;
    at += length;
  };
  const take = (kind, text, length) => {
    tokens.push({ kind, text, line });
    skip(length);
  };

  while (at < source.length) {
    let match;
    if ((match = matched(SPACE) ?? matched(LINE_COMMENT))) skip(match[0].length);
    else if (source.startsWith('/*', at)) skip(blockComment(source, at));
    else if ((match = matched(RAW_TEXT))) {
      const end = `"${match[1]}`;
      const from = at + match[0].length;
      const to = source.indexOf(end, from);
      if (to < 0) throw new Error(`line ${line}: a text without an end`);
      take('text', source.slice(from, to), to + end.length - at);
    } else if ((match = matched(TEXT))) take('text', match[1], match[0].length);
    else if ((match = matched(CHARACTER) ?? matched(LIFETIME) ?? matched(NUMBER))) take('other', match[0], match[0].length);
    else if ((match = matched(IDENTIFIER))) take('identifier', match[1], match[0].length);
    else if (source.startsWith('::', at)) take('other', '::', 2);
    else take('other', source[at], 1);
  }
  return tokens;
}

/** The length of a block comment. Block comments of Rust nest. */
function blockComment(source, from) {
  let depth = 0;
  for (let at = from; at < source.length; at += 1) {
    if (source.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (source.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1 - from;
    }
  }
  return source.length - from;
}
