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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::STYLE;

    /// The colours of a theme, by name.
    fn theme(css: &str) -> BTreeMap<&str, [f64; 3]> {
        let block = css.split('}').next().unwrap_or_default();
        let declarations = block.split(';').filter_map(|one| one.split_once(": #"));
        let channel = |digits: &str| f64::from(u8::from_str_radix(digits, 16).unwrap()) / 255.0;
        declarations
            .map(|(name, hex)| {
                let name = name.rsplit("--").next().unwrap_or_default();
                let rgb = [&hex[..2], &hex[2..4], &hex[4..6]].map(channel);
                (name, rgb)
            })
            .collect()
    }

    /// The relative luminance of a colour, as WCAG 2 defines it.
    fn luminance(rgb: [f64; 3]) -> f64 {
        let linear = |c: f64| match c {
            c if c <= 0.04045 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        };
        let [r, g, b] = rgb.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn text_has_contrast_in_both_themes() {
        const TEXTS: [(&str, &[&str]); 7] = [
            (
                "text",
                &[
                    "page", "box", "goodbox", "badbox", "heat0", "heat1", "heat2", "heat3", "heat4",
                ],
            ),
            ("soft", &["page", "box"]),
            ("link", &["page", "box"]),
            ("good", &["page"]),
            ("bad", &["page", "badbox"]),
            ("string", &["box"]),
            ("name", &["box"]),
        ];
        let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
        let after_root = |css| theme(str::split_once(css, ":root {").unwrap().1);
        for colours in [after_root(light), after_root(dark)] {
            for (text, grounds) in TEXTS {
                for ground in grounds {
                    let (one, two) = (luminance(colours[text]), luminance(colours[ground]));
                    let contrast = (one.max(two) + 0.05) / (one.min(two) + 0.05);
                    assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.1}");
                }
            }
        }
    }
}
