//! The page: one file that needs nothing else, without scripts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::data::Data;
use super::{causes, tables};

/// The style sheet, which is part of the page.
const STYLE: &str = include_str!("style.css");

/// Returns the page.
#[must_use]
pub fn page(title: &str, data: &Data) -> String {
    let sections = [
        ("findings", "Findings", causes::section(data)),
        ("runs", "Runs", tables::runs(data)),
        ("rules", "Rules of the specification", tables::rules(data)),
        ("conformance", "Conformance", tables::conformance(data)),
        ("detection", "Planted faults", tables::detection(data)),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "gcrucible: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "gcrucible: " (title) }
                    (tables::builds(data))
                    nav aria-label="Sections" {
                        ul {
                            @for (id, heading, _) in &sections {
                                li { a href=(format!("#{id}")) { (heading) } }
                            }
                        }
                    }
                }
                main {
                    @for (id, heading, section) in &sections {
                        section aria-labelledby=(id) {
                            h2 id=(id) { (heading) }
                            (section)
                        }
                    }
                }
                (unread(data))
            }
        }
    };
    page.into_string()
}

/// Files that say nothing.
fn unread(data: &Data) -> Markup {
    html! {
        @if !data.unread.is_empty() {
            footer {
                p { "Not on this page:" }
                ul {
                    @for (file, why) in &data.unread { li { code { (file) } ": " (why) } }
                }
            }
        }
    }
}
