//! Charts of no points, of many and of odd ones.

mod support;

use proptest::prelude::*;
use support::malformed;
use unlearn_report::chart::{Dot, DotGroup, DotPlot, DotRow, LineChart, MAX_POINTS, Series};

fn line_chart(points: Vec<(f64, f64)>) -> String {
    let series = vec![Series { name: "loss".into(), points: points.clone() }, Series { name: "<term>".into(), points }];
    let text = |s: &str| s.to_owned();
    let chart = LineChart {
        title: text("t"),
        description: text("d"),
        x_label: text("x"),
        y_label: text("y"),
        size: (600.0, 300.0),
        series,
    };
    chart.render().into_string()
}

fn dot_plot(values: &[f64]) -> String {
    let dot = |value: &f64| Some(Dot { value: *value, interval: Some([value - 0.1, value + 0.1]) });
    let row = DotRow { label: "row".into(), dots: values.iter().map(dot).chain([None]).collect() };
    let subjects = (0..=values.len()).map(|i| format!("subject {i}")).collect();
    let groups = vec![DotGroup { title: "<set>".into(), rows: vec![row] }];
    DotPlot { title: "t".into(), description: "d".into(), subjects, groups }.render().into_string()
}

fn assert_drawing(svg: &str) {
    assert_eq!(malformed(svg), None, "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn any_number_of_points() {
    for n in [0, 1, 2, 399, 400, 401, 10_000] {
        let svg = line_chart((0..n).map(|i| (f64::from(i), f64::from(i).sin())).collect());
        assert_drawing(&svg);
        assert!(svg.matches('L').count() <= 2 * MAX_POINTS, "{n}");
    }
}

#[test]
fn an_empty_chart_says_so() {
    assert!(line_chart(vec![]).contains("no values to draw"));
    assert!(line_chart(vec![(1.0, f64::NAN)]).contains("no values to draw"));
}

#[test]
fn what_is_not_finite_leaves_a_gap() {
    let svg = line_chart(vec![
        (0.0, 1.0),
        (1.0, 2.0),
        (2.0, f64::NAN),
        (3.0, 1.0),
        (4.0, 2.0),
        (5.0, f64::INFINITY),
        (6.0, 3.0),
    ]);
    assert_drawing(&svg);
    let line = svg.split("d=\"M").find(|d| d.contains('L')).expect("a line");
    assert_eq!(line.split('"').next().expect("its path").matches(['M', 'L']).count(), 3);
    assert_eq!(svg.matches("<circle").count(), 2, "a point between gaps is a dot");
}

#[test]
fn the_largest_numbers_fit() {
    assert_drawing(&line_chart(vec![(0.0, f64::MAX), (1.0, f64::MIN), (f64::MAX, 1e299), (2.0, -1e299)]));
    assert_drawing(&line_chart(vec![(0.0, f64::MIN_POSITIVE), (1e-320, 0.0)]));
}

#[test]
fn dots_of_any_value() {
    for values in [&[][..], &[0.5], &[0.0, 1.0], &[f64::NAN, f64::INFINITY, -3.0, 0.2, 0.3, 0.4, 0.5, 0.6]] {
        assert_drawing(&dot_plot(values));
    }
    assert_drawing(&DotPlot::default().render().into_string());
}

proptest! {
    #[test]
    fn lines_of_any_values(points in prop::collection::vec(any::<(f64, f64)>(), 0..40)) {
        assert_drawing(&line_chart(points));
    }
}
