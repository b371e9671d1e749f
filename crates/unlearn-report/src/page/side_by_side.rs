//! Several runs side by side: a table, and the forget–utility plane with the Pareto front.

use unlearn_core::score::Score;

use super::{column, figure, table};
use crate::chart::{PlanePlot, Point};
use crate::comparison::{Comparison, Role};
use crate::html::Html;
use crate::runs::{Place, Plane, RunLine, run_lines};
use crate::{number, scores};

pub(super) fn side_by_side(comparison: &Comparison) -> Option<Html> {
    let plane = Plane::of(comparison);
    let lines = run_lines(comparison, plane.as_ref());
    if lines.is_empty() && plane.is_none() {
        return None;
    }
    let mut h = Html::new();
    if !lines.is_empty() {
        write_table(&mut h, &lines, plane.as_ref());
    }
    if let Some(plane) = &plane {
        figure(&mut h, plot(plane).render(), &caption(plane));
    }
    Some(h)
}

fn write_table(h: &mut Html, lines: &[RunLine], plane: Option<&Plane>) {
    table(h, "runs", "What each run comes to (★: on the Pareto front)", |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                ["Run", "Method", "Verdict"].into_iter().for_each(|text| column(h, "", text));
                if let Some(plane) = plane {
                    column(h, "number", &format!("{} ↓", Plane::axis(plane.forget)));
                    column(h, "number", &format!("{} ↑", Plane::axis(plane.kept)));
                    column(h, "", "Pareto front");
                }
                column(h, "number", "Time");
            });
        });
        h.element("tbody", &[], |h| lines.iter().for_each(|line| write_line(h, line, plane.is_some())));
    });
}

fn write_line(h: &mut Html, line: &RunLine, has_plane: bool) {
    let class = if line.place.as_ref().is_some_and(|p| p.is_front) { "front-member" } else { "" };
    let run = line.run;
    h.element("tr", &[("class", class)], |h| {
        h.element("th", &[("scope", "row")], |h| {
            if !class.is_empty() {
                // On a narrow screen the column that says so is out of sight.
                h.leaf("span", &[("aria-hidden", "true")], "★ ");
            }
            h.text(&line.subject.name);
        });
        h.leaf("td", &[], run.and_then(|r| r.method.as_deref()).unwrap_or(number::MISSING));
        h.leaf("td", &[], line.outcome.map_or(number::MISSING, |o| o.label()));
        if has_plane {
            let place = line.place.as_ref();
            score_cell(h, place.map(|p| p.forget), None);
            score_cell(h, place.map(|p| p.kept), None);
            h.leaf("td", &[], place.map_or(number::MISSING, front_words));
        }
        let time = run.map_or_else(|| number::MISSING.into(), |r| number::seconds(r.record.cost.seconds));
        h.leaf("td", &[("class", "number")], &time);
    });
}

fn front_words(place: &Place) -> &'static str {
    if place.is_front { "on it" } else { "another run is better" }
}

/// A score with its interval below it, and its gap to retraining.
pub(super) fn score_cell(h: &mut Html, score: Option<&Score>, gap: Option<&str>) {
    h.element("td", &[("class", "number")], |h| {
        h.leaf("span", &[("class", "value")], &scores::value(score));
        if let Some(interval) = scores::interval(score) {
            h.text(" ");
            h.leaf("span", &[("class", "interval")], &interval);
        }
        if let Some(gap) = gap {
            h.text(" ");
            h.leaf("span", &[("class", "interval")], gap);
        }
    });
}

fn plot(plane: &Plane) -> PlanePlot {
    let changed = plane.changed();
    let value = |score: &Score| score.value.unwrap_or(f64::NAN);
    let point = |place: &Place| Point {
        name: place.subject.name.clone(),
        at: (value(place.forget), value(place.kept)),
        x_interval: place.forget.interval,
        y_interval: place.kept.interval,
        is_front: place.is_front && changed > 1,
        is_goal: place.role == Role::Retrained,
    };
    let points: Vec<Point> = plane.places.iter().map(point).collect();
    let words = |p: &Point| format!("{} at {} and {}", p.name, number::short(p.at.0), number::short(p.at.1));
    PlanePlot {
        title: "What is still known of the forget set, and of the rest".into(),
        description: format!("{}.", points.iter().map(words).collect::<Vec<_>>().join("; ")),
        x_label: format!("← better: less known ({})", plane.forget),
        y_label: format!("↑ better: more kept ({})", plane.kept),
        points,
    }
}

fn caption(plane: &Plane) -> String {
    let mut text =
        "Forgetting against keeping: the further left, the less is known of the forget set; the further up, the \
                    more of the rest. The lines through a mark are its 95\u{a0}% intervals."
            .to_owned();
    if plane.places.iter().any(|p| p.role == Role::Retrained) {
        text += " The ringed mark is the retrained model: the goal. Further left than it is not better.";
    }
    if plane.changed() > 1 {
        text += " The dashed line joins the Pareto front: the runs that no other run beats on both counts.";
    }
    text
}
