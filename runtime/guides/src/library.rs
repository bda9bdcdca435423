//! The guides, as docs/guides has them, and the search of their sections.

/// What `scripts/guides --write` makes of docs/guides: each page after a comment with its path.
const PAGES: &str = include_str!("../../../docs/llms-full.txt");

/// How many words of a query are looked for. Later ones are ignored.
const MOST_WORDS: usize = 16;

/// How often a word counts in one section.
const MOST_COUNTED: usize = 3;

/// A guide.
#[derive(Debug)]
pub(crate) struct Page {
    /// The name of its file, without the extension.
    pub(crate) name: &'static str,
    /// The first heading.
    pub(crate) title: &'static str,
    /// The page, in Markdown.
    pub(crate) text: &'static str,
}

/// The part of a page from one heading to the next.
#[derive(Debug)]
pub(crate) struct Section {
    /// The name of the page.
    pub(crate) page: &'static str,
    /// The heading.
    pub(crate) heading: &'static str,
    /// The text, with the heading.
    pub(crate) text: &'static str,
    /// The same in lower case.
    searched: String,
}

/// All guides.
#[derive(Debug)]
pub(crate) struct Library {
    pub(crate) pages: Vec<Page>,
    sections: Vec<Section>,
}

impl Library {
    /// Reads the pages that the program has.
    pub(crate) fn new() -> Self {
        let pages: Vec<Page> = PAGES.split("<!-- docs/guides/").filter_map(page).collect();
        let sections = pages.iter().flat_map(sections).collect();
        Self { pages, sections }
    }

    /// The page of this name.
    pub(crate) fn page(&self, name: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.name == name)
    }

    /// The sections with words of the query, the best first. A word that few sections have counts for more.
    pub(crate) fn search(&self, query: &str, most: usize) -> Vec<&Section> {
        let words = words(query);
        let weights: Vec<f64> = words.iter().map(|word| self.weight(word)).collect();
        let mut found: Vec<(f64, &Section)> = Vec::new();
        for section in &self.sections {
            let heading = section.heading.to_lowercase();
            let score: f64 = words
                .iter()
                .zip(&weights)
                .map(|(word, weight)| {
                    let count = section.searched.matches(word.as_str()).take(MOST_COUNTED).count();
                    let in_heading = if heading.contains(word.as_str()) { MOST_COUNTED } else { 0 };
                    weight * f64::from(u8::try_from(count + in_heading).unwrap_or(u8::MAX))
                })
                .sum();
            if score > 0.0 {
                found.push((score, section));
            }
        }
        // A stable sort: equal ones keep the order of the pages.
        found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        found.into_iter().take(most).map(|(_, section)| section).collect()
    }

    /// How much a word says: the logarithm of the share of sections without it.
    fn weight(&self, word: &str) -> f64 {
        let all = self.sections.len();
        let with = self.sections.iter().filter(|section| section.searched.contains(word)).count();
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        (number(all + 1) / number(with + 1)).ln()
    }
}

/// The page of one part of the text: the rest of the comment, and what follows.
fn page(part: &'static str) -> Option<Page> {
    let (file, text) = part.split_once(" -->\n\n")?;
    let name = file.strip_suffix(".md")?;
    let title = text.lines().find_map(|line| line.strip_prefix("# "))?;
    Some(Page { name, title, text })
}

/// The sections of a page. A line of code that begins with `#` is no heading.
fn sections(page: &Page) -> Vec<Section> {
    let mut starts = Vec::new();
    let mut is_code = false;
    let mut at = 0;
    for line in page.text.split_inclusive('\n') {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code && line.starts_with('#') {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(at);
    let part = |range: &[usize]| {
        let text = page.text[range[0]..range[1]].trim_end();
        let heading = text.lines().next().unwrap_or_default().trim_start_matches('#').trim();
        Section { page: page.name, heading, text, searched: text.to_lowercase() }
    };
    starts.windows(2).map(part).collect()
}

/// The words of a query, each once, in lower case. A word of one letter says nothing.
fn words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let parts = query.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-');
    for word in parts.map(str::to_lowercase).filter(|word| word.chars().count() > 1) {
        if words.len() < MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
