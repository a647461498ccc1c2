//! One picture: what an outcome costs as a partition grows.

use std::fmt::Write as _;

use crate::figure::number;
use crate::scale::Curve;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
const LINE_HEIGHT: f64 = 16.0;
/// Told apart by people who see colours differently (Okabe and Ito).
const COLOURS: [&str; 4] = ["#0072B2", "#E69F00", "#D55E00", "#009E73"];

/// An SVG with both axes logarithmic.
pub(crate) fn draw(curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let decade = |value: f64| value.log10();
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    for (_, nanoseconds) in points() {
        low = low.min(decade(*nanoseconds).floor());
        high = high.max(decade(*nanoseconds).ceil());
    }
    let sizes: Vec<u64> = curves
        .first()
        .map(|curve| curve.points.iter().map(|(size, _)| *size).collect())
        .unwrap_or_default();
    let (first, last) = (
        sizes.first().map_or(0.0, |size| decade(float(*size))),
        sizes.last().map_or(1.0, |size| decade(float(*size))),
    );
    let x =
        |size: u64| LEFT + (decade(float(size)) - first) / (last - first) * (WIDTH - LEFT - RIGHT);
    let y = |nanoseconds: f64| {
        HEIGHT - BOTTOM - (decade(nanoseconds) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    };

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">Cost of one outcome by the size of the partition</text>\n"
    );
    for size in &sizes {
        let at = x(*size);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 20.0,
            number(float(*size))
        );
    }
    let mut tick = low;
    while tick <= high {
        let nanoseconds = 10_f64.powf(tick);
        let at = y(nanoseconds);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} ns</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            number(nanoseconds).trim_end_matches(".00"),
        );
        tick += 1.0;
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">devices in the inventory</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 14.0
    );
    for (curve, colour) in curves.iter().zip(COLOURS) {
        let path: Vec<String> = curve
            .points
            .iter()
            .map(|(size, nanoseconds)| format!("{:.1},{:.1}", x(*size), y(*nanoseconds)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (size, nanoseconds) in &curve.points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*size),
                y(*nanoseconds)
            );
        }
    }
    let ends = curves.iter().zip(COLOURS).filter_map(|(curve, colour)| {
        let (_, nanoseconds) = curve.points.last()?;
        Some((y(*nanoseconds), curve.what, colour))
    });
    for (at, what, colour) in apart(ends.collect()) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{what}</text>",
            WIDTH - RIGHT + 10.0,
            at + 4.0
        );
    }
    svg += "</svg>\n";
    svg
}

/// Labels from top to bottom, moved down until none covers another.
fn apart<'l>(mut labels: Vec<(f64, &'l str, &'l str)>) -> Vec<(f64, &'l str, &'l str)> {
    labels.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = f64::MIN;
    for (at, ..) in &mut labels {
        *at = at.max(free);
        free = *at + LINE_HEIGHT;
    }
    labels
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn float(count: u64) -> f64 {
    count as f64
}
