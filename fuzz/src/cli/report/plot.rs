//! Curves over time, as SVG. The style sheet of the page has their colours, so that they follow the
//! reader's choice of light or dark.

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

/// Size of a plot.
const SIZE: (u32, u32) = (520, 240);

/// A curve: its name, and its points.
pub type Curve<'a> = (&'a str, Vec<(f64, f64)>);

/// Returns a plot of curves, the first of which is drawn whole and the second dashed. The
/// horizontal axis is called `x`.
///
/// What cannot be drawn, such as a curve of one point, is a sentence.
#[must_use]
pub fn curves(title: &str, x: &str, curves: &[Curve<'_>]) -> Markup {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let width = points().map(|point| point.0).fold(0.0, f64::max);
    let height = points().map(|point| point.1).fold(1.0, f64::max);
    if width <= 0.0 || points().count() < 2 {
        return html! { p class="missing" { (title) ": too short to draw" } };
    }
    let mut svg = String::new();
    let drawn = draw(&mut svg, (width, height * 1.05), x, curves);
    let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |point| point.1);
    let label: Vec<String> = curves
        .iter()
        .map(|(name, points)| format!("{name}: {:.0} at the end", last(points)))
        .collect();
    html! {
        figure class="plot" {
            @if drawn.is_ok() {
                div role="img" aria-label=(format!("{title}. {}", label.join("; "))) {
                    (PreEscaped(svg))
                }
            }
            figcaption {
                (title)
                @if curves.len() == 1 { (format!(" ({:.0} at the end)", last(&curves[0].1))) } @else {
                @for (at, (name, points)) in curves.iter().enumerate() {
                    " " span class=(format!("key curve{at}")) { (name) }
                    " " (format!("({:.0} at the end)", last(points)))
                } }
            }
        }
    }
}

fn draw(
    svg: &mut String,
    (width, height): (f64, f64),
    x: &str,
    curves: &[Curve<'_>],
) -> Result<(), DrawingAreaErrorKind<std::fmt::Error>> {
    // A string takes everything that is written to it, so nothing of this fails.
    let failed = |_| DrawingAreaErrorKind::LayoutError;
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..width, 0.0..height)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .x_desc(x)
        .label_style(("sans-serif", 13))
        .draw()
        .map_err(failed)?;
    for (at, (_, points)) in curves.iter().enumerate() {
        let points = points.iter().copied();
        if at == 0 {
            let line = LineSeries::new(points, BLUE.stroke_width(2));
            chart.draw_series(line).map_err(failed)?;
        } else {
            let line = DashedLineSeries::new(points, 6, 4, RED.stroke_width(2));
            chart.draw_series(line).map_err(failed)?;
        }
    }
    root.present().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_one_picture_with_its_keys() {
        let line = |by: f64| {
            (0..20)
                .map(|at| (f64::from(at), f64::from(at) * by))
                .collect()
        };
        let html = curves(
            "a & b",
            "seconds",
            &[("one", line(2.0)), ("two", line(1.0))],
        );
        let html = html.into_string();
        assert_eq!(html.matches("<svg").count(), 1);
        assert!(
            html.contains("a &amp; b") && html.contains("38 at the end"),
            "{html}"
        );
        assert!(html.contains("polyline"), "{html}");
        let short = curves("a", "s", &[("one", vec![(0.0, 1.0)])]).into_string();
        assert!(short.contains("too short"), "{short}");
    }
}
