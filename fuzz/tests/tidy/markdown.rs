//! Code in Markdown: spans between backticks, and blocks.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A piece of code in a Markdown file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Counted from 1.
    pub line: usize,
    pub text: String,
    pub place: Place,
    /// The nearest heading above.
    pub heading: String,
}

/// Where a piece of code stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In running text.
    Text,
    /// In the first cell of a row.
    FirstCell,
    /// In another cell of a row.
    Cell,
    /// A block of this language, or of none.
    Block(String),
}

/// Returns the code in a Markdown text, in order.
pub fn code(text: &str) -> Vec<Code> {
    let mut found: Vec<Code> = Vec::new();
    let mut heading = String::new();
    let mut in_heading = false;
    let mut cell = None;
    let mut block: Option<Code> = None;
    let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                in_heading = level >= HeadingLevel::H1;
                heading.clear();
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Start(Tag::TableHead | Tag::TableRow) => cell = Some(0),
            Event::End(TagEnd::TableHead | TagEnd::TableRow) => cell = None,
            Event::End(TagEnd::TableCell) => cell = cell.map(|number: usize| number + 1),
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                // The text of a fenced block begins one line below its fence.
                let below = usize::from(matches!(kind, CodeBlockKind::Fenced(_)));
                block = Some(Code {
                    line: line_of(range.start) + below,
                    text: String::new(),
                    place: Place::Block(language),
                    heading: heading.clone(),
                });
            }
            Event::End(TagEnd::CodeBlock) => found.extend(block.take()),
            Event::Text(text) => match &mut block {
                Some(block) => block.text.push_str(&text),
                None if in_heading => heading.push_str(&text),
                None => {}
            },
            Event::Code(text) => found.push(Code {
                line: line_of(range.start),
                text: text.to_string(),
                place: match cell {
                    None => Place::Text,
                    Some(0) => Place::FirstCell,
                    Some(_) => Place::Cell,
                },
                heading: heading.clone(),
            }),
            _ => {}
        }
    }
    found
}

#[test]
fn code_is_found_with_its_place() {
    let text = "# One\nA `b`.\n\n| x | y |\n|---|---|\n| `c` | `d` |\n\n## Two\n```sh\ne\nf\n```\n";
    let found: Vec<_> = code(text)
        .into_iter()
        .map(|c| (c.line, c.text, c.place, c.heading))
        .collect();
    let row =
        |line, text: &str, place, heading: &str| (line, text.to_owned(), place, heading.to_owned());
    let expected = [
        row(2, "b", Place::Text, "One"),
        row(6, "c", Place::FirstCell, "One"),
        row(6, "d", Place::Cell, "One"),
        row(10, "e\nf\n", Place::Block("sh".to_owned()), "Two"),
    ];
    assert_eq!(found, expected);
}
