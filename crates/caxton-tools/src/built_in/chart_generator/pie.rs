//! Pies: slices on the left, their names and shares on the right.

use super::{
    data::Chart,
    draw::{Area, FONT, TEXT_SIZE, colour, failed},
};
use crate::built_in::{Refusal, float};
use plotters::{
    prelude::{BLACK, Pie, Rectangle, Text},
    style::{Color as _, IntoFont as _},
};

const LINE: i32 = 20;

pub(super) fn draw(chart: &Chart, area: &Area<'_>) -> Result<(), Refusal> {
    let area = if chart.title.is_empty() { area.clone() } else { area.titled(&chart.title, (FONT, 20)).map_err(failed)? };
    let points = chart.series.first().map(|series| series.points.as_slice()).unwrap_or_default();
    let (width, height) = area.dim_in_pixel();
    let (width, height) = (i32::try_from(width).unwrap_or(i32::MAX), i32::try_from(height).unwrap_or(i32::MAX));
    let across = width * 11 / 20;
    let radius = f64::from(across.min(height)) / 2.0 - 16.0;
    let sizes: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    let colours: Vec<_> = (0..sizes.len()).map(colour).collect();
    // Names stand beside, where they find room.
    let names = vec![""; sizes.len()];
    let centre = (across / 2, height / 2);
    let mut slices = Pie::new(&centre, &radius, &sizes, &colours, &names);
    slices.start_angle(-90.0);
    area.draw(&slices).map_err(failed)?;
    let total: f64 = sizes.iter().sum();
    let lines = i32::try_from(points.len()).unwrap_or_default();
    let step = if lines * LINE > height { (height / lines.max(1)).max(1) } else { LINE };
    let mut y = (height - lines * step) / 2;
    for (number, (x, value)) in points.iter().enumerate() {
        let share = float::shown((value / total * 1000.0).round() / 10.0);
        let text = format!("{}: {} ({share} %)", chart.place(*x), float::shown(*value));
        area.draw(&Rectangle::new([(across + 8, y + 3), (across + 20, y + 15)], colour(number).filled())).map_err(failed)?;
        area.draw(&Text::new(text, (across + 28, y + 4), (FONT, TEXT_SIZE).into_font().color(&BLACK))).map_err(failed)?;
        y += step;
    }
    Ok(())
}
