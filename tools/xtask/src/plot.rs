//! A figure as SVG: panels with logarithmic axes, in colours that can be read on white and on black.
//!
//! The background is left out, so that the page's own shows through; every colour has a contrast of 4.5 with
//! both. No font is named but the reader's own.

use std::fmt::Write;

/// Readable on white and on black.
const INK: &str = "#767676";
const LINE: &str = "#2f7fd0";
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 250.0;
/// Around the field of a panel: left, top, right, bottom.
const MARGIN: [f64; 4] = [62.0, 30.0, 18.0, 44.0];

/// A panel: what grows, with what, and the points.
pub struct Panel {
    /// Above it.
    pub title: String,
    /// Below it.
    pub axis: String,
    /// What is shown, all above zero.
    pub points: Vec<(f64, f64)>,
}

/// The figure, two panels in a row.
pub fn draw(panels: &[Panel]) -> String {
    let rows = panels.len().div_ceil(2) as f64;
    let (width, height) = (2.0 * WIDTH, rows * HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let (x, y) = ((number % 2) as f64 * WIDTH, (number / 2) as f64 * HEIGHT);
        svg += &format!("<g transform=\"translate({x} {y})\">\n{}</g>\n", panel.draw());
    }
    svg + "</svg>\n"
}

/// A logarithmic axis from one value to another, over a stretch of the picture.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Wide enough for all values, from a round number to a round number.
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        let (below, above) = (|tick: &f64| *tick <= low, |tick: &f64| *tick >= high);
        let low = ticks().filter(below).last().unwrap_or(1.0);
        let high = ticks().find(above).unwrap_or(low).max(low * 10.0);
        Self { low, high, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value / self.low).ln() / (self.high / self.low).ln()
    }

    /// Where lines go and numbers stand: fewer where there is much.
    fn ticks(&self) -> Vec<f64> {
        let within: Vec<f64> = ticks().filter(|tick| (self.low..=self.high).contains(tick)).collect();
        let tens = |tick: &&f64| tick.log10().fract().abs() < 1e-9;
        if within.len() > 8 { within.iter().filter(tens).copied().collect() } else { within }
    }
}

/// 1, 2, 5, 10, 20, 50 ...
fn ticks() -> impl Iterator<Item = f64> {
    (0..12).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
}

impl Panel {
    fn draw(&self) -> String {
        let [left, top, right, bottom] = MARGIN;
        let across = Axis::over(self.points.iter().map(|point| point.0), left, WIDTH - right);
        let up = Axis::over(self.points.iter().map(|point| point.1), HEIGHT - bottom, top);
        let (middle, foot) = ((left + WIDTH - right) / 2.0, HEIGHT - 8.0);
        let mut svg = format!(
            "<text x=\"{left}\" y=\"18\" font-weight=\"bold\">{}</text>\n\
             <text x=\"{middle}\" y=\"{foot}\" text-anchor=\"middle\">{}</text>\n",
            self.title, self.axis
        );
        grid(&mut svg, &across, &up);
        let places = self.points.iter().map(|(x, y)| (across.place(*x), up.place(*y)));
        let line: String = places.clone().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{LINE}\" stroke-width=\"2\"/>\n",
            line.trim()
        );
        for (x, y) in places {
            svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{LINE}\"/>\n");
        }
        svg
    }
}

fn grid(svg: &mut String, across: &Axis, up: &Axis) {
    let mut line = |[x1, y1, x2, y2]: [f64; 4]| {
        let _never = writeln!(
            svg,
            "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{INK}\" stroke-opacity=\".35\"/>"
        );
    };
    across.ticks().iter().map(|tick| across.place(*tick)).for_each(|x| line([x, up.from, x, up.to]));
    up.ticks().iter().map(|tick| up.place(*tick)).for_each(|y| line([across.from, y, across.to, y]));
    for tick in across.ticks() {
        let (x, y) = (across.place(tick), up.from + 16.0);
        *svg += &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>\n", short(tick));
    }
    for tick in up.ticks() {
        let (x, y) = (across.from - 6.0, up.place(tick) + 4.0);
        *svg += &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>\n", short(tick));
    }
}

/// 2000000 as 2 M.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e3 => format!("{} k", value / 1e3),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_all_values_between_round_numbers() {
        let axis = Axis::over([7.0, 1000.0].into_iter(), 0.0, 100.0);
        assert_eq!((axis.low, axis.high), (5.0, 1000.0));
        assert_eq!((axis.place(5.0), axis.place(1000.0)), (0.0, 100.0));
        assert_eq!(axis.ticks(), [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
    }

    #[test]
    fn a_figure_has_every_point_of_every_panel() {
        let panel = || Panel { title: "t".into(), axis: "a".into(), points: vec![(1.0, 2.0), (10.0, 2e6)] };
        let svg = draw(&[panel(), panel(), panel()]);
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(svg.contains(">1 M<") && svg.ends_with("</svg>\n"));
    }
}
