//! The frame of a page of HTML that needs nothing else: no script, no other file, light and dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// A figure at the top of a page.
pub(crate) struct Tile {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// A class of the style: `passed`, `failed`, `warning`, `skipped`, or nothing.
    pub(crate) class: &'static str,
}

/// A row of figures.
pub(crate) fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        ul.tiles {
            @for tile in tiles {
                li class=(tile.class) { strong { (tile.value) } span { (tile.name) } }
            }
        }
    }
}

/// A whole page.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}
