//! A bar for work whose amount is known, on standard error if that is a terminal
//! on which a line can be written over.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::can_redraw;

/// The bar.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for `length` pieces of work, which are called `unit`.
    #[must_use]
    pub fn new(length: u64, unit: &str) -> Bar {
        let target = match can_redraw() {
            true => ProgressDrawTarget::stderr_with_hz(8),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = format!("{{bar:30}} {{pos}} of {{len}} {unit}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Bar(bar)
    }

    /// One piece is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Does something that writes lines, above the bar.
    pub fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Clears the bar.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
