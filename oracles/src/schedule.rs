//! At which collection points a collection happens. Part of a case, and one word in the header of a
//! `.wast` file.
//!
//! Collection points are numbered from 0 in the order of execution within one case. Not here: which
//! points there are (each engine decides that), and any collector.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When to collect. Text: `pressure`, `every`, `every:3`, `at:1,5,9`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// Only when the heap is full, and when asked.
    #[default]
    OnPressure,
    /// At every n-th point: points `n-1`, `2n-1`, ... `n` is at least 1.
    EveryNth(u64),
    /// At exactly these points, in ascending order.
    At(Vec<u64>),
    /// At every point.
    Every,
}

impl Schedule {
    /// Returns true if a collection happens at the point with this number.
    pub fn collects_at(&self, point: u64) -> bool {
        match self {
            Schedule::OnPressure => false,
            Schedule::EveryNth(n) => (point + 1).is_multiple_of((*n).max(1)),
            Schedule::At(points) => points.binary_search(&point).is_ok(),
            Schedule::Every => true,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::OnPressure => f.write_str("pressure"),
            Schedule::EveryNth(n) => write!(f, "every:{n}"),
            Schedule::At(points) => {
                f.write_str("at:")?;
                for (index, point) in points.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{point}")?;
                }
                Ok(())
            }
            Schedule::Every => f.write_str("every"),
        }
    }
}

/// A word that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no schedule; one of: pressure, every, every:N (N from 1), at:A,B,C (ascending)")]
pub struct NoSchedule(pub String);

impl FromStr for Schedule {
    type Err = NoSchedule;

    fn from_str(text: &str) -> Result<Schedule, NoSchedule> {
        let wrong = || NoSchedule(text.to_owned());
        match text.split_once(':') {
            None if text == "pressure" => Ok(Schedule::OnPressure),
            None if text == "every" => Ok(Schedule::Every),
            Some(("every", n)) => match n.parse() {
                Ok(n) if n > 0 => Ok(Schedule::EveryNth(n)),
                _ => Err(wrong()),
            },
            Some(("at", "")) => Ok(Schedule::At(Vec::new())),
            Some(("at", list)) => {
                let points: Result<Vec<u64>, _> = list.split(',').map(str::parse).collect();
                let points = points.map_err(|_| wrong())?;
                if points.is_sorted_by(|a, b| a < b) {
                    Ok(Schedule::At(points))
                } else {
                    Err(wrong())
                }
            }
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = NoSchedule;

    fn try_from(text: String) -> Result<Schedule, NoSchedule> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_bad_text_is_refused() {
        for text in [
            "pressure", "every", "every:1", "every:7", "at:", "at:0", "at:1,5,9",
        ] {
            let schedule: Schedule = text.parse().expect(text);
            assert_eq!(schedule.to_string(), text);
        }
        for text in [
            "",
            "never",
            "every:0",
            "every:",
            "every:x",
            "at:2,1",
            "at:1,1",
            "at:a",
            "at",
            "pressure:1",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }

    #[test]
    fn points_are_counted_from_zero() {
        let at = |schedule: &Schedule| {
            (0..6)
                .filter(|&p| schedule.collects_at(p))
                .collect::<Vec<_>>()
        };
        assert!(at(&Schedule::OnPressure).is_empty());
        assert_eq!(at(&Schedule::EveryNth(2)), [1, 3, 5]);
        assert_eq!(at(&Schedule::At(vec![0, 4, 9])), [0, 4]);
        assert_eq!(at(&Schedule::Every), [0, 1, 2, 3, 4, 5]);
    }
}
