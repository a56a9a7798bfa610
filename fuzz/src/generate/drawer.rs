//! Draws a row by class, with unequal weights.
//!
//! Here a row is only a position in the list of all rows.

use super::classes::{CLASS_COUNT, Classes};
use super::source::Source;

/// The rows that a program may use, by class, with running sums of their weights.
#[derive(Debug)]
pub(super) struct Drawer {
    classes: [Vec<(u32, usize)>; CLASS_COUNT],
}

impl Drawer {
    /// Takes the weight and the classes of every row, in order. A weight of 0 excludes the row.
    pub(super) fn new(rows: impl Iterator<Item = (u32, Classes)>) -> Drawer {
        let mut by_class: [Vec<(u32, usize)>; CLASS_COUNT] = Default::default();
        for (position, (weight, classes)) in rows.enumerate().filter(|(_, (weight, _))| *weight > 0)
        {
            for (at, class) in by_class.iter_mut().enumerate() {
                if classes & (1 << at) != 0 {
                    let before = class.last().map_or(0, |&(sum, _)| sum);
                    class.push((before + weight, position));
                }
            }
        }
        Drawer { classes: by_class }
    }

    /// Returns the position of a row of this class, or `None` if there is none.
    pub(super) fn draw(&self, class: Classes, src: &mut Source<'_>) -> Option<usize> {
        let rows = &self.classes[class.trailing_zeros() as usize];
        let &(total, _) = rows.last()?;
        let at = src.below(total as usize) as u32;
        let row = rows.partition_point(|&(sum, _)| sum <= at);
        rows.get(row).map(|&(_, position)| position)
    }
}
