//! Charts of no points, of many and of odd ones.

mod support;

use proptest::prelude::*;
use support::malformed;
use unlearn_report::chart::{
    Distribution, DistributionRow, Dot, DotGroup, DotPlot, DotRow, LineChart, MAX_POINTS, Mark, PlanePlot, Point,
    Series,
};

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
        marks: vec![Mark { at: 1.0, label: "<mark>".into() }],
        with_dots: false,
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

fn plane(places: &[(f64, f64)]) -> String {
    let point = |&at: &(f64, f64)| Point {
        name: "<p>".into(),
        at,
        x_interval: Some([at.0 - 0.1, at.0 + 0.1]),
        y_interval: None,
        is_front: at.0 < 0.5,
        is_goal: at.1 > 0.5,
    };
    let text = |s: &str| s.to_owned();
    let points = places.iter().map(point).collect();
    let plot = PlanePlot { title: text("t"), description: text("d"), x_label: text("x"), y_label: text("y"), points };
    plot.render().into_string()
}

fn distribution(values: Vec<f64>) -> String {
    let rows = vec![DistributionRow { label: "<row>".into(), subject: 7, values }];
    Distribution { title: "t".into(), x_label: "x".into(), rows }.render().into_string()
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

#[test]
fn the_front_is_joined_and_the_goal_is_ringed() {
    let svg = plane(&[(0.1, 0.2), (0.3, 0.4), (0.9, 0.9)]);
    assert_drawing(&svg);
    assert_eq!(svg.matches("class=\"front\"").count(), 1);
    assert_eq!(svg.matches("class=\"ring").count(), 2, "in the legend and on the plane");
    assert!(plane(&[]).contains("no values to draw"));
}

#[test]
fn every_value_from_0_to_1_has_a_bar() {
    let svg = distribution(vec![0.0, 0.5, 1.0, 1.0, f64::NAN, 3.0]);
    assert_eq!(svg.matches("<rect").count(), 3);
    assert!(svg.contains("half of the answers lie from 0.50 to 1.00, the middle one at 1.00."), "{svg}");
    assert!(distribution(vec![]).contains("no values"));
}

proptest! {
    #[test]
    fn drawings_of_any_values(points in prop::collection::vec(any::<(f64, f64)>(), 0..40)) {
        assert_drawing(&plane(&points));
        assert_drawing(&distribution(points.iter().map(|p| p.0).collect()));
        assert_drawing(&line_chart(points));
    }
}
