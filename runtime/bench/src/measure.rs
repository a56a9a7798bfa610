//! Samples of several configurations, and figures made of them. The samples are taken in turn, so
//! that other work on the machine disturbs all configurations alike.

use std::time::Duration;

use serde::Serialize;

/// A moment in the life of this thread. Only the time counts in which the thread had a processor,
/// so that other work on the machine disturbs less. Neither engine uses another thread for what is
/// measured.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Duration);

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the address of a `timespec` of ours.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        assert_eq!(result, 0, "every thread has that clock");
        Moment(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }

    /// Time since then.
    pub fn elapsed(self) -> Duration {
        Moment::now().0 - self.0
    }
}

/// Median and quartiles.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// A quarter of the samples is below.
    pub low: f64,
    /// Half of them is.
    pub median: f64,
    /// Three quarters are.
    pub high: f64,
}

impl Spread {
    /// Returns the spread of at least one sample.
    pub fn of(samples: &[f64]) -> Spread {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (sorted.len() - 1) as f64;
            let (low, high) = (
                sorted[place.floor() as usize],
                sorted[place.ceil() as usize],
            );
            low + (high - low) * place.fract()
        };
        Spread {
            low: at(0.25),
            median: at(0.5),
            high: at(0.75),
        }
    }

    /// Returns the spread of the ratios of samples that were taken side by side.
    pub fn of_ratios(ours: &[f64], peers: &[f64]) -> Spread {
        let ratios: Vec<f64> = ours.iter().zip(peers).map(|(a, b)| a / b).collect();
        Spread::of(&ratios)
    }
}

/// Returns the geometric mean of at least one number.
pub fn geometric_mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0u32);
    for number in numbers {
        sum += number.ln();
        count += 1;
    }
    (sum / f64::from(count.max(1))).exp()
}

/// Returns the seconds that `act` takes. Repeats it until the time is long enough to be measured.
pub fn seconds_of(mut act: impl FnMut() -> Result<(), String>) -> Result<f64, String> {
    const ENOUGH: Duration = Duration::from_millis(4);
    let mut times = 1u32;
    loop {
        let start = Moment::now();
        for _ in 0..times {
            act()?;
        }
        let took = start.elapsed();
        if took >= ENOUGH || times >= 1 << 16 {
            return Ok(took.as_secs_f64() / f64::from(times));
        }
        let more = ENOUGH.as_secs_f64() / took.as_secs_f64().max(1e-7) * 1.2;
        times = times.saturating_mul(more.clamp(2.0, 1e4) as u32);
    }
}
