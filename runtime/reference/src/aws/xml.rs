//! Elements of a response in XML.

use bytes::Bytes;
use roxmltree::{Document, Node};

/// Reads a response, and what is wanted of its root.
pub(crate) fn read<T>(body: &Bytes, wanted: impl FnOnce(Node<'_, '_>) -> T) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| MALFORMED.to_owned())?;
    let document = Document::parse(text).map_err(|_| MALFORMED.to_owned())?;
    Ok(wanted(document.root_element()))
}

const MALFORMED: &str = "the response of AWS is malformed: repeat the call";

/// The first descendant with a path of names, as `PublishResult/MessageId`.
pub(crate) fn at<'a, 'input>(node: Node<'a, 'input>, path: &str) -> Option<Node<'a, 'input>> {
    path.split('/').try_fold(node, |node, name| children(node, name).next())
}

/// The text of the first descendant with a path of names. An empty element has none.
pub(crate) fn text(node: Node<'_, '_>, path: &str) -> Option<String> {
    at(node, path)?.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The children with a name.
pub(crate) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

/// The items of the list at a path: its children with a name.
pub(crate) fn items<'a, 'input>(node: Node<'a, 'input>, path: &str, name: &str) -> Vec<Node<'a, 'input>> {
    at(node, path).map(|list| children(list, name).collect()).unwrap_or_default()
}
