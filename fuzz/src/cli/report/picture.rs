//! A difference as a picture: the way from a root into the object graph, with what the reference
//! has at its end beside what the engine has. If objects were counted, the objects themselves.

use gcrucible_oracles::finding::{Aspect, Difference};
use maud::{Markup, html};

/// Width of a side, and of the gap between the two.
const SIDE: u32 = 320;
const GAP: u32 = 40;
/// Height of a box, and of the arrow below it.
const BOX: u32 = 34;
const ARROW: u32 = 30;
/// The row of headings.
const HEAD: u32 = 26;
/// A longer text is cut off in a box. The whole text stands in its title.
const CHARACTERS: usize = 38;
/// At most this many objects are drawn.
const OBJECTS: i64 = 24;
/// Objects in a row, and the size of one.
const IN_ROW: i64 = 8;
const OBJECT: u32 = 34;

/// Returns the picture of a difference.
#[must_use]
pub fn difference(difference: &Difference) -> Markup {
    let counts = counts(difference);
    html! {
        figure class="picture" {
            @match counts {
                Some((expected, actual)) => (objects(difference, expected, actual)),
                None => (way(difference)),
            }
            figcaption {
                "Left: the reference. Right: the engine."
                @if counts.is_some() {
                    " Each circle is a live object."
                } @else {
                    " The last box of each side is where they differ."
                }
            }
        }
    }
}

/// The numbers of objects on both sides, if they were counted.
fn counts(difference: &Difference) -> Option<(i64, i64)> {
    let is_count = matches!(difference.aspect, Aspect::Census | Aspect::Handles);
    let excess = difference.excess.filter(|_| is_count)?;
    let actual = number(&difference.actual.text)?;
    Some((actual.saturating_sub(excess).max(0), actual.max(0)))
}

/// The number at the beginning of a text.
fn number(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    text[..digits.unwrap_or(text.len())].parse().ok()
}

/// The way from the root, on both sides.
fn way(difference: &Difference) -> Markup {
    let mut places: Vec<&str> = difference.path.split(" -> ").collect();
    places.retain(|place| !place.is_empty());
    let height = HEAD + places.len() as u32 * (BOX + ARROW) + BOX + 2;
    let sides = [
        (0, "expected", "expected", &difference.expected.text),
        (SIDE + GAP, "actual", "actual", &difference.actual.text),
    ];
    let label = format!(
        "at {}: expected {}, actual {}",
        difference.path, difference.expected.text, difference.actual.text
    );
    html! {
        svg viewBox=(format!("0 0 {} {height}", 2 * SIDE + GAP)) role="img" aria-label=(label) {
            @for (left, heading, class, end) in sides {
                text class="heading" x=(left + SIDE / 2) y="16" text-anchor="middle" { (heading) }
                @for (at, place) in places.iter().enumerate() {
                    @let top = HEAD + at as u32 * (BOX + ARROW);
                    (node(left, top, "place", place))
                    (arrow(left + SIDE / 2, top + BOX))
                }
                (node(left, HEAD + places.len() as u32 * (BOX + ARROW), class, end))
            }
        }
    }
}

fn node(left: u32, top: u32, class: &str, text: &str) -> Markup {
    html! {
        g class=(class) {
            title { (text) }
            rect x=(left + 1) y=(top) width=(SIDE - 2) height=(BOX) rx="6" {}
            text x=(left + SIDE / 2) y=(top + BOX / 2 + 5) text-anchor="middle" { (cut(text)) }
        }
    }
}

fn arrow(x: u32, top: u32) -> Markup {
    let end = top + ARROW;
    let way = format!("M{x} {top}V{}m-5 -6l5 7l5 -7", end - 1);
    html! { path class="arrow" d=(way) {} }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CHARACTERS {
        return text.to_owned();
    }
    let start: String = text.chars().take(CHARACTERS - 1).collect();
    start + "\u{2026}"
}

/// Live objects on both sides. Those that one side has more than the other stand out.
fn objects(difference: &Difference, expected: i64, actual: i64) -> Markup {
    let both = expected.min(actual);
    let shown = expected.max(actual).min(OBJECTS);
    // What differs is shown even if there are many.
    let hidden = (expected.max(actual) - shown).min(both);
    let rows = (shown.max(1) as u32).div_ceil(IN_ROW as u32);
    let height = 2 * HEAD + rows * OBJECT + 6;
    let label = format!("{}: expected {expected}, actual {actual}", difference.path);
    let sides = [(0, "expected", expected), (SIDE + GAP, "actual", actual)];
    html! {
        p class="what" { (difference.path) }
        svg viewBox=(format!("0 0 {} {height}", 2 * SIDE + GAP)) role="img" aria-label=(label) {
            @for (left, heading, count) in sides {
                text class="heading" x=(left + SIDE / 2) y="16" text-anchor="middle" {
                    (heading) ": " (count)
                }
                @for at in 0..(count - hidden).clamp(0, OBJECTS) {
                    @let x = left + OBJECT / 2 + 16 + (at % IN_ROW) as u32 * (OBJECT + 2);
                    @let y = HEAD + OBJECT / 2 + (at / IN_ROW) as u32 * OBJECT;
                    @let class = if at < both - hidden { "object" } else { "object extra" };
                    circle class=(class) cx=(x) cy=(y) r="12" {}
                    @if at >= both - hidden {
                        text class="extra" x=(x) y=(y + 5) text-anchor="middle" { "!" }
                    }
                }
                @if hidden > 0 {
                    text x=(left + SIDE / 2) y=(height - 6) text-anchor="middle" {
                        "and " (hidden) " more on both sides"
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gcrucible_oracles::finding::Described;

    use super::*;

    fn of(aspect: Aspect, path: &str, expected: &str, actual: &str, excess: Option<i64>) -> String {
        let difference = Difference {
            aspect,
            path: path.to_owned(),
            expected: Described::plain(expected),
            actual: Described::plain(actual),
            excess,
        };
        super::difference(&difference).into_string()
    }

    #[test]
    fn a_way_has_a_box_for_each_place_on_both_sides() {
        let path = "table \"<t>\"[3] -> field 1 -> [2]";
        let html = of(Aspect::Table, path, "i32.const 1", "i32.const 2", None);
        assert_eq!(html.matches("class=\"place\"").count(), 6);
        assert_eq!(html.matches("class=\"arrow\"").count(), 6);
        assert!(html.contains("i32.const 1") && html.contains("i32.const 2"));
        assert!(!html.contains("<t>"), "{html}");
    }

    #[test]
    fn objects_too_many_and_too_few_stand_out() {
        let count = |expected: i64, actual: i64| {
            let (one, other) = (expected.to_string(), actual.to_string());
            let excess = Some(actual - expected);
            let html = of(Aspect::Census, "structures of x", &one, &other, excess);
            let extra = html.matches("object extra").count();
            (html.matches("<circle").count(), extra)
        };
        assert_eq!(count(2, 3), (5, 1));
        assert_eq!(count(3, 1), (4, 2));
        assert_eq!(count(0, 2), (2, 2));
        // Of many, those that differ are shown.
        assert_eq!(count(1000, 1002), (46, 2));
        assert_eq!(count(0, 1000).0, OBJECTS as usize);
    }
}
