//! What reproductions in all languages have in common.

use gcrucible_oracles::case::CaseModule;

/// What a reproduction says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// What is wrong, in one line.
    pub title: &'a str,
    /// The line that runs the file.
    pub command: &'a str,
    /// Whether the finding shows in some runs only.
    pub is_rare: bool,
}

impl Head<'_> {
    /// Returns how often the requests are performed.
    #[must_use]
    pub fn times(&self) -> u32 {
        const RARE_TIMES: u32 = 200;
        if self.is_rare { RARE_TIMES } else { 1 }
    }

    /// Returns the comment at the top of the file: what is wrong, how to run it, what its ends
    /// mean, and the program. `comment` begins a line.
    #[must_use]
    pub fn comment(&self, comment: &str, ends: &str, modules: &[CaseModule]) -> String {
        let mut lines = vec![
            self.title.to_owned(),
            String::new(),
            format!("  {}", self.command),
            String::new(),
            ends.to_owned(),
            String::new(),
            "The program:".to_owned(),
            String::new(),
        ];
        for module in modules {
            let printed = wasmprinter::print_bytes(&module.wasm)
                .unwrap_or_else(|error| format!("a module that cannot be printed: {error}"));
            lines.extend(printed.lines().map(str::to_owned));
        }
        let commented = lines.iter().map(|line| format!("{comment} {line}"));
        commented
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }
}

/// Returns the part of `text` from the line that begins with `from` to the one that begins with
/// `to`, or to the end.
///
/// # Panics
///
/// There is no such line, which a test of each language excludes.
#[must_use]
pub fn part<'a>(text: &'a str, from: &str, to: Option<&str>) -> &'a str {
    let find = |heading: &str| text.find(heading).expect("the text has its headings");
    text[find(from)..to.map_or(text.len(), find)].trim_end()
}
