//! Responses in XML, as JSON: an element with elements in it is an object, one with text a string.

use roxmltree::{Document, Node};
use serde_json::{Map, Value};

/// How deep elements may be in each other: responses of AWS need nine levels.
const DEEPEST: usize = 32;

/// Reads a response. Lists (`member`) are arrays, and maps (`entry` with `key` and `value`) are objects.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    element(document.root_element(), 0)
}

fn element(node: Node<'_, '_>, depth: usize) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err(format!("elements are more than {DEEPEST} levels deep"));
    }
    let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    let named = |name: &str| !children.is_empty() && children.iter().all(|child| child.has_tag_name_of(name));
    if children.is_empty() {
        return Ok(Value::String(node.text().unwrap_or_default().to_owned()));
    }
    if named("member") {
        return children.into_iter().map(|child| element(child, depth + 1)).collect();
    }
    let mut fields = Map::new();
    let is_map = named("entry");
    for child in children {
        let mut value = element(child, depth + 1)?;
        if is_map {
            let key = value["key"].as_str().unwrap_or_default().to_owned();
            fields.insert(key, value.get_mut("value").map(Value::take).unwrap_or_default());
        } else {
            fields.insert(child.tag_name().name().to_owned(), value);
        }
    }
    Ok(Value::Object(fields))
}

/// Names of elements without their namespace: each service has one of its own.
trait TagName {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl TagName for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_maps_and_texts_are_read() {
        let text = r#"<R xmlns="https://aws.example/"><A><Names><member>x</member><member>y &amp; z</member></Names>
            <Attributes><entry><key>Policy</key><value>{"a":1}</value></entry></Attributes><Token/></A></R>"#;
        let expected = json!({ "A": {
            "Names": ["x", "y & z"], "Attributes": { "Policy": "{\"a\":1}" }, "Token": "",
        } });
        assert_eq!(read(text).expect("XML"), expected);
    }

    #[test]
    fn what_is_no_response_is_refused() {
        assert!(read("not XML").is_err());
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        assert!(read(&deep).expect_err("too deep").contains("levels"));
    }

    #[test]
    fn entities_that_multiply_are_refused() {
        let text = r#"<!DOCTYPE a [<!ENTITY b "xxxxxxxx"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;&c;&c;</a>"#;
        assert!(read(text).is_err());
    }
}
