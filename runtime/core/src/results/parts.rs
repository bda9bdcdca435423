//! Which parts of a result are moved: the largest ones, until the rest fits.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{error::StoreError, json_size::json_size};

/// The smallest part that is moved on its own, in bytes of its JSON.
const SMALLEST_PART: usize = 4096;
/// The most parts of one result that are moved on their own. Of a result with more, everything is moved as one.
const MOST_PARTS: usize = 16;
/// The size of a link, which has the credentials of a session in its URL, and of the text before the links.
const LINK: usize = 4096;

/// Whether structured content may be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Structured {
    /// The tool declares no output schema.
    Moves,
    /// The tool may declare one, which its results must conform to:
    /// <https://modelcontextprotocol.io/specification/2026-07-28/server/tools#output-schema> (read 2026-11-28).
    Stays,
}

/// A part that is moved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    place: Place,
    /// The name that its link has.
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) content: Bytes,
}

/// Where a part was in its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Block(usize),
    StructuredContent,
    /// The whole result.
    Everything,
}

/// The parts of a result that are moved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MovedParts(pub(crate) Vec<Part>);

impl MovedParts {
    /// The parts of a result that has to be within a number of bytes as JSON. `None`: it is, or nothing of it can be moved.
    pub(crate) fn of(
        result: &Value,
        limit: usize,
        structured: Structured,
    ) -> Result<Option<Self>, StoreError> {
        let size = json_size(result)?;
        if size <= limit {
            return Ok(None);
        }
        let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut candidates = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            candidates.push((json_size(block)?, Place::Block(index)));
        }
        if let Some(content) = result.get("structuredContent").filter(|_| structured == Structured::Moves) {
            candidates.push((json_size(content)?, Place::StructuredContent));
        }
        candidates.retain(|(size, _)| *size >= SMALLEST_PART);
        candidates.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let (mut rest, mut parts) = (size + LINK, Vec::new());
        for (size, place) in candidates.into_iter().take(MOST_PARTS) {
            if rest <= limit {
                break;
            }
            let Some(part) = part(result, place) else { continue };
            rest = (rest + LINK).saturating_sub(size);
            parts.push(part);
        }
        if rest > limit && structured == Structured::Moves {
            return Ok(part(result, Place::Everything).map(|part| Self(vec![part])));
        }
        parts.sort_by_key(|part| part.place.order());
        Ok((!parts.is_empty()).then_some(Self(parts)))
    }

    /// Puts links in the places of the parts, and a text before them.
    pub(crate) fn replace(&self, result: &mut Value, links: &[String], has_links: bool, until: &str) {
        let Some(result) = result.as_object_mut() else { return };
        let count = self.0.len();
        let (subject, are) = if count == 1 { ("A part", "is") } else { ("Parts", "are") };
        let text = format!(
            "{subject} of this result {are} too large to be returned directly: read the content from the linked URL, with GET and without credentials, until {until}."
        );
        let mut appended = Vec::new();
        for (part, url) in self.0.iter().zip(links) {
            let link = part.link(url, has_links);
            match part.place {
                Place::Block(index) => {
                    if let Some(block) = result.get_mut("content").and_then(|content| content.get_mut(index))
                    {
                        *block = link;
                    }
                }
                Place::StructuredContent => {
                    result.remove("structuredContent");
                    appended.push(link);
                }
                Place::Everything => {
                    result.remove("structuredContent");
                    result.insert("content".to_owned(), json!([]));
                    appended.push(link);
                }
            }
        }
        let content = result.entry("content").or_insert_with(|| json!([]));
        if let Some(content) = content.as_array_mut() {
            content.insert(0, json!({ "type": "text", "text": text }));
            content.append(&mut appended);
        }
    }
}

impl Place {
    fn order(self) -> usize {
        match self {
            Self::Block(index) => index,
            Self::StructuredContent | Self::Everything => usize::MAX,
        }
    }
}

impl Part {
    /// The block that is in its place: a link, or the same as a text for clients of revisions that have no links.
    fn link(&self, url: &str, has_links: bool) -> Value {
        let Self { name, media_type, content, .. } = self;
        if has_links {
            json!({ "type": "resource_link", "uri": url, "name": name, "mimeType": media_type, "size": content.len() })
        } else {
            json!({ "type": "text", "text": format!("{name} ({media_type}, {} bytes): {url}", content.len()) })
        }
    }
}

fn part(result: &Value, place: Place) -> Option<Part> {
    let (media_type, content) = match place {
        Place::Block(index) => content_of(&result["content"][index])?,
        Place::StructuredContent => {
            ("application/json".to_owned(), result["structuredContent"].to_string().into())
        }
        Place::Everything => {
            let mut all = Map::new();
            for name in ["content", "structuredContent"] {
                all.extend(result.get(name).map(|value| (name.to_owned(), value.clone())));
            }
            ("application/json".to_owned(), Value::Object(all).to_string().into())
        }
    };
    let stem = match place {
        Place::Block(index) => format!("content-{}", index + 1),
        Place::StructuredContent => "structured-content".to_owned(),
        Place::Everything => "result".to_owned(),
    };
    Some(Part { place, name: format!("{stem}.{}", extension(&media_type)), media_type, content })
}

/// The media type and the bytes of a block. `None`: it is a link already, or cannot be read.
fn content_of(block: &Value) -> Option<(String, Bytes)> {
    let text = |value: &Value| Some(Bytes::from(value.as_str()?.to_owned()));
    let decoded = |value: &Value| STANDARD.decode(value.as_str()?).ok().map(Bytes::from);
    let media_type = |value: &Value, default: &str| value["mimeType"].as_str().unwrap_or(default).to_owned();
    match block["type"].as_str()? {
        "text" => Some(("text/plain".to_owned(), text(&block["text"])?)),
        "image" | "audio" => Some((media_type(block, "application/octet-stream"), decoded(&block["data"])?)),
        "resource" => {
            let resource = &block["resource"];
            match resource.get("text") {
                Some(value) => Some((media_type(resource, "text/plain"), text(value)?)),
                None => Some((media_type(resource, "application/octet-stream"), decoded(&resource["blob"])?)),
            }
        }
        _ => None,
    }
}

/// The end of a file's name.
fn extension(media_type: &str) -> &str {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    match bare {
        "text/plain" => "txt",
        "application/octet-stream" => "bin",
        _ => match bare.split_once('/') {
            Some((_, subtype))
                if !subtype.is_empty() && subtype.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                subtype
            }
            _ => "bin",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Value {
        json!({ "type": "text", "text": "x".repeat(bytes) })
    }

    fn moved(result: &Value, structured: Structured) -> Option<Vec<(Place, usize)>> {
        let parts = MovedParts::of(result, 100_000, structured).expect("JSON")?;
        Some(parts.0.iter().map(|part| (part.place, part.content.len())).collect())
    }

    #[test]
    fn a_result_within_the_limit_keeps_all_its_parts() {
        assert_eq!(moved(&json!({ "content": [text(90_000)] }), Structured::Moves), None);
    }

    #[test]
    fn the_largest_parts_are_moved_until_the_rest_fits() {
        let result = json!({ "content": [text(10), text(80_000), text(60_000), text(70_000)] });
        let parts = moved(&result, Structured::Moves).expect("moved");
        assert_eq!(parts, [(Place::Block(1), 80_000), (Place::Block(3), 70_000)]);
    }

    #[test]
    fn structured_content_stays_where_a_schema_may_require_it() {
        let structured = json!({ "rows": vec!["x".repeat(10); 9000] });
        let result = json!({ "content": [text(120_000)], "structuredContent": structured });
        assert_eq!(moved(&result, Structured::Stays).expect("moved"), [(Place::Block(0), 120_000)]);
        let moved = moved(&result, Structured::Moves).expect("moved");
        assert_eq!(
            moved.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
            [Place::Block(0), Place::StructuredContent]
        );
        let alone = json!({ "content": [], "structuredContent": "x".repeat(200_000) });
        assert_eq!(MovedParts::of(&alone, 100_000, Structured::Stays).expect("JSON"), None);
    }

    #[test]
    fn a_result_of_many_small_parts_is_moved_as_one() {
        let result = json!({ "content": vec![text(3000); 100], "isError": true });
        let parts = MovedParts::of(&result, 100_000, Structured::Moves).expect("JSON").expect("moved");
        assert_eq!((parts.0.len(), parts.0[0].name.as_str()), (1, "result.json"));
        let mut result = result;
        parts.replace(&mut result, &["https://a".to_owned()], true, "later");
        assert_eq!(result["content"].as_array().expect("blocks").len(), 2);
        assert_eq!((&result["isError"], &result["content"][1]["uri"]), (&json!(true), &json!("https://a")));
    }

    #[test]
    fn binary_parts_are_decoded_and_named_after_their_type() {
        let data = STANDARD.encode(vec![7; 90_000]);
        let image = json!({ "type": "image", "data": data, "mimeType": "image/png" });
        let blob = json!({ "type": "resource", "resource": { "uri": "file:///a", "blob": data, "mimeType": "application/x-tar; a=b" } });
        let parts = MovedParts::of(&json!({ "content": [image, blob] }), 100_000, Structured::Moves);
        let parts = parts.expect("JSON").expect("moved").0;
        let seen: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.content.len())).collect();
        assert_eq!(seen, [("content-1.png", 90_000), ("content-2.bin", 90_000)]);
        let broken =
            json!({ "content": [{ "type": "image", "data": "*".repeat(200_000), "mimeType": "image/png" }] });
        let parts = MovedParts::of(&broken, 100_000, Structured::Moves).expect("JSON").expect("moved").0;
        assert_eq!(parts[0].name, "result.json", "what cannot be decoded is moved as it is");
    }
}
