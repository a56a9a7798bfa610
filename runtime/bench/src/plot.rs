//! A plot of series on two logarithmic axes, as SVG.

use std::fmt::Write;

use crate::collections::Series;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 460.0;
const MARGIN: f64 = 64.0;
const COLOURS: [&str; 2] = ["#1b6ca8", "#c2571a"];

/// From decades to pixels.
struct Axis {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let share = (value.log10() - self.low) / (self.high - self.low);
        self.start + share * (self.end - self.start)
    }

    fn decades(&self) -> impl Iterator<Item = i32> {
        self.low as i32..=self.high as i32
    }
}

/// Returns the plot. Straight lines of slope 1 mean linear cost.
pub fn svg(series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    let bounds = |of: fn(&(u32, f64)) -> f64| {
        let logs = || points().map(|point| of(point).log10());
        let low = logs().fold(f64::INFINITY, f64::min).floor();
        (low, logs().fold(f64::NEG_INFINITY, f64::max).ceil())
    };
    let (low, high) = bounds(|point| f64::from(point.0));
    let x = Axis {
        low,
        high,
        start: MARGIN,
        end: WIDTH - MARGIN / 2.0,
    };
    let (low, high) = bounds(|point| point.1);
    let y = Axis {
        low,
        high,
        start: HEIGHT - MARGIN,
        end: MARGIN,
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
        font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    grid(&mut out, &x, &y);
    for (at, (series, colour)) in series.iter().zip(COLOURS).enumerate() {
        draw(&mut out, series, colour, &x, &y);
        let top = 20.0 + 18.0 * at as f64;
        line(
            &mut out,
            &format!(
                "<text x=\"{MARGIN}\" y=\"{top}\" fill=\"{colour}\">{}</text>",
                series.name
            ),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn grid(out: &mut String, x: &Axis, y: &Axis) {
    for decade in x.decades() {
        let at = x.at(10f64.powi(decade));
        line(
            out,
            &format!("<path d=\"M{at} {} V{}\" stroke=\"#ddd\"/>", y.start, y.end),
        );
        let under = y.start + 18.0;
        line(
            out,
            &format!("<text x=\"{at}\" y=\"{under}\" text-anchor=\"middle\">1e{decade}</text>"),
        );
    }
    for decade in y.decades() {
        let at = y.at(10f64.powi(decade));
        line(
            out,
            &format!("<path d=\"M{} {at} H{}\" stroke=\"#ddd\"/>", x.start, x.end),
        );
        let left = x.start - 8.0;
        line(
            out,
            &format!("<text x=\"{left}\" y=\"{at}\" text-anchor=\"end\">1e{decade} s</text>"),
        );
    }
    let (middle, bottom) = ((x.start + x.end) / 2.0, HEIGHT - 20.0);
    line(
        out,
        &format!("<text x=\"{middle}\" y=\"{bottom}\" text-anchor=\"middle\">objects</text>"),
    );
}

fn draw(out: &mut String, series: &Series, colour: &str, x: &Axis, y: &Axis) {
    let mut path = String::new();
    for (at, &(count, seconds)) in series.points.iter().enumerate() {
        let (px, py) = (x.at(f64::from(count)), y.at(seconds));
        let step = if at == 0 { 'M' } else { 'L' };
        write!(path, "{step}{px:.1} {py:.1} ").expect("a string takes everything");
        line(
            out,
            &format!("<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\" fill=\"{colour}\"/>"),
        );
    }
    line(
        out,
        &format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"),
    );
}
