//! Inputs like those that were kept, with something wrong: cut, doubled, spliced, and with pieces that mean something.

use std::path::Path;

use proptest::{collection, prelude::*, sample::Index};

/// Every file of these folders.
pub(crate) fn corpus(folders: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in folders {
        let entries =
            std::fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        paths.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    // The order of a folder is the file system's own.
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

/// One of these, or something like it.
pub(crate) fn mutated(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let others = corpus.clone();
    let mutations = collection::vec(any_mutation(), 0..10);
    (any::<Index>(), mutations).prop_map(move |(seed, mutations)| {
        let mut input = seed.get(&corpus).clone();
        for mutation in mutations {
            mutation.apply(&mut input, &others);
        }
        input
    })
}

#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Double(Index, usize),
    Word(Index, &'static str),
    Repeat(Index, &'static str, usize),
    Cut(Index),
    Splice(Index, Index, Index),
    Swap(Index, Index),
}

/// Pieces that some reader gives a meaning to.
const WORDS: &[&str] = &[
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "-1",
    "1e999",
    "0",
    "\r\n",
    "\r\n\r\n",
    "\n\n",
    "\0",
    "\u{feff}",
    "\u{2028}",
    "é",
    "🦀",
    "=?base64?",
    "?=",
    "data: ",
    "id: ",
    "event: ",
    "..",
    "%00",
    "%",
    "+",
    "Bearer ",
    "Authorization: ",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\n",
    "Host: evil\r\n",
    "HTTP/1.1",
    "\"jsonrpc\":\"2.0\",",
    "\"id\":null,",
    "\"_meta\":{}",
    "\"requestContext\":{}",
    "\"Records\":[]",
    "\"authorizer\":{}",
    "\"http\":{}",
    "\"httpMethod\":\"POST\",",
    "\"isBase64Encoded\":true,",
    "\"type\":\"REQUEST\",",
    "\"methodArn\":\"arn:\",",
    "\"body\":\"",
    "\"headers\":{",
    "alg",
    "none",
    "HS256",
    "crit",
    "kid",
    "9999999999999999999999",
    "18446744073709551615",
];

fn any_mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    let word = || any::<Index>().prop_map(|index| *index.get(WORDS));
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at(), collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (at(), 1..64_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (at(), 1..200_usize).prop_map(|(at, length)| Mutation::Double(at, length)),
        (at(), word()).prop_map(|(at, word)| Mutation::Word(at, word)),
        (at(), word(), 1..300_usize).prop_map(|(at, word, times)| Mutation::Repeat(at, word, times)),
        at().prop_map(Mutation::Cut),
        (at(), at(), at()).prop_map(|(at, other, from)| Mutation::Splice(at, other, from)),
        (at(), at()).prop_map(|(one, two)| Mutation::Swap(one, two)),
    ]
}

impl Mutation {
    fn apply(self, input: &mut Vec<u8>, others: &[Vec<u8>]) {
        let place = |index: Index, input: &[u8]| index.index(input.len() + 1);
        let range = |index: Index, length: usize, input: &[u8]| {
            let start = place(index, input);
            start..(start + length).min(input.len())
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(input.len().max(1));
                input.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            Self::Flip(at, bit) => {
                let at = at.index(input.len().max(1));
                input.get_mut(at).into_iter().for_each(|old| *old ^= 1 << bit);
            }
            Self::Insert(at, bytes) => {
                let at = place(at, input);
                input.splice(at..at, bytes);
            }
            Self::Remove(at, length) => {
                let range = range(at, length, input);
                input.drain(range);
            }
            Self::Double(at, length) => {
                let range = range(at, length, input);
                let (end, copy) = (range.end, input[range].to_vec());
                input.splice(end..end, copy);
            }
            Self::Word(at, word) => {
                let at = place(at, input);
                input.splice(at..at, word.bytes());
            }
            Self::Repeat(at, word, times) => {
                let at = place(at, input);
                input.splice(at..at, word.repeat(times).into_bytes());
            }
            Self::Cut(at) => input.truncate(place(at, input)),
            Self::Splice(at, other, from) => {
                let other = other.get(others);
                let (at, from) = (place(at, input), place(from, other));
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            Self::Swap(one, two) => {
                if !input.is_empty() {
                    let (one, two) = (one.index(input.len()), two.index(input.len()));
                    input.swap(one, two);
                }
            }
        }
    }
}
