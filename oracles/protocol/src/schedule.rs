//! When an adapter collects: the schedule of [`Request::Open`](crate::Request::Open).

/// At which points a collection happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At none.
    Never,
    /// At every n-th.
    EveryNth(u64),
    /// At these.
    At(Vec<u64>),
}

impl Schedule {
    /// Reads the schedule of a request. A text that is none collects never.
    pub fn read(text: &str) -> Schedule {
        match text.split_once(':') {
            None if text == "every" => Schedule::EveryNth(1),
            Some(("every", n)) => Schedule::EveryNth(n.parse().unwrap_or(1).max(1)),
            Some(("at", points)) => Schedule::At(
                points
                    .split(',')
                    .filter_map(|point| point.parse().ok())
                    .collect(),
            ),
            _ => Schedule::Never,
        }
    }

    /// Whether a collection happens at the point with this number.
    pub fn collects_at(&self, point: u64) -> bool {
        match self {
            Schedule::Never => false,
            Schedule::EveryNth(n) => (point + 1).is_multiple_of(*n),
            Schedule::At(points) => points.contains(&point),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read() {
        assert_eq!(Schedule::read("pressure"), Schedule::Never);
        assert_eq!(Schedule::read("every"), Schedule::EveryNth(1));
        assert_eq!(Schedule::read("every:3"), Schedule::EveryNth(3));
        assert_eq!(Schedule::read("at:1,5"), Schedule::At(vec![1, 5]));
        let third = Schedule::EveryNth(3);
        assert!(!third.collects_at(1) && third.collects_at(2) && third.collects_at(5));
        assert!(Schedule::read("at:1,5").collects_at(5) && !Schedule::Never.collects_at(0));
    }
}
