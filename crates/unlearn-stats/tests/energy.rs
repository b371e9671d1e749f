//! The energy distance and its test: values from outside, laws, how often the test is wrong and how often it sees.

#![allow(clippy::unwrap_used)]

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Deserialize;
use unlearn_stats::energy::{Distances, test};
use unlearn_stats::permutation::Permutation;

#[derive(Deserialize)]
struct Made {
    energy: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    width: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    distance: f64,
    share: f64,
    scipy: Option<f64>,
}

fn made() -> Vec<Case> {
    serde_json::from_str::<Made>(include_str!("../../../testdata/statistics/statistics.json")).unwrap().energy
}

/// The distances of both samples' points, and the places of each.
fn joined(a: &[f64], b: &[f64], width: usize) -> (Distances, Vec<usize>, Vec<usize>) {
    let (n, all) = (a.len() / width, [a, b].concat());
    (Distances::of(&all, width).unwrap(), (0..n).collect(), (n..all.len() / width).collect())
}

#[test]
fn distances_agree_with_scipy() {
    for case in made() {
        let (points, a, b) = joined(&case.a, &case.b, case.width);
        let (distance, share) = (points.energy(&a, &b).unwrap(), points.share(&a, &b).unwrap());
        assert!((distance - case.distance).abs() < 1e-12 && (share - case.share).abs() < 1e-12, "{distance} {share}");
        assert!(case.scipy.is_none_or(|scipy| (distance - scipy).abs() < 1e-12), "{distance}");
    }
}

#[test]
fn a_share_does_not_depend_on_scale_and_place_nor_on_which_sample_is_first() {
    for case in made() {
        let (points, a, b) = joined(&case.a, &case.b, case.width);
        let moved = |values: &[f64]| values.iter().map(|x| 1000.0 * x - 7.0).collect::<Vec<_>>();
        let (far, ..) = joined(&moved(&case.a), &moved(&case.b), case.width);
        let share = points.share(&a, &b).unwrap();
        assert!((far.share(&a, &b).unwrap() - share).abs() < 1e-9);
        assert!((points.share(&b, &a).unwrap() - share).abs() < 1e-12);
        assert!(points.share(&a, &a).unwrap() < 1e-12 && (0.0..=1.0).contains(&share));
    }
}

#[test]
fn clusters_that_are_put_together_are_as_far_apart_as_their_points() {
    for case in made() {
        let (points, a, b) = joined(&case.a, &case.b, case.width);
        let [ours, theirs] = [&a, &b].map(|places| places.chunks(2).map(<[usize]>::to_vec).collect::<Vec<_>>());
        let views = [points.clone(), points];
        let tested = test(&views, &ours, &theirs, Permutation { draws: 9, ..Permutation::seeded(0) }).unwrap();
        assert!((tested.statistic - case.share).abs() < 1e-12, "{tested:?}");
    }
}

#[test]
fn nothing_is_said_of_points_that_are_not_there() {
    assert_eq!(Distances::of(&[1.0, 2.0, 3.0], 2), None);
    assert_eq!(Distances::of::<f64>(&[], 0), None);
    assert_eq!(Distances::of(&[f64::NAN], 1), None);
    let points = Distances::of(&[1.0, 1.0], 1).unwrap();
    assert_eq!((points.energy(&[0], &[]), points.share(&[0], &[2])), (None, None));
    assert_eq!(points.share(&[0], &[1]), Some(0.0), "they are the same");
    assert_eq!(test(&[], &[vec![0]], &[vec![1]], Permutation::seeded(0)), None);
    assert_eq!(test(&[points], &[vec![0]], &[], Permutation::seeded(0)), None);
}

/// Points of people, each of whom has a place of their own around which their points lie.
struct People(ChaCha8Rng);

impl People {
    const WIDTH: usize = 8;

    /// The sum of twelve uniform numbers is nearly normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).sum::<f64>() - 6.0
    }

    fn points(&mut self, people: usize, rows: usize, shift: f64) -> Vec<f64> {
        let mut all = Vec::new();
        for _ in 0..people {
            let place: Vec<f64> = (0..Self::WIDTH).map(|_| shift + self.normal()).collect();
            for _ in 0..rows {
                all.extend(place.iter().map(|x| x + 0.3 * self.normal()).collect::<Vec<_>>());
            }
        }
        all
    }

    /// The share of tests, of many, with a p-value of at most 5 %.
    fn rejected(&mut self, tests: usize, shift: f64, together: bool) -> f64 {
        const ROWS: usize = 5;
        let mut count = 0;
        for trial in 0..tests {
            let (a, b) = (self.points(10, ROWS, 0.0), self.points(10, ROWS, shift));
            let (points, a, b) = joined(&a, &b, Self::WIDTH);
            let size = if together { ROWS } else { 1 };
            let clusters = |places: &[usize]| places.chunks(size).map(<[usize]>::to_vec).collect::<Vec<_>>();
            let permutation = Permutation { draws: 99, ..Permutation::seeded(trial as u64) };
            let tested = test(&[points], &clusters(&a), &clusters(&b), permutation).unwrap();
            assert!(!tested.exact, "drawn, or every test would take all arrangements");
            count += usize::from(tested.p_value <= 0.05);
        }
        count as f64 / tests as f64
    }
}

/// Of 400 tests at 5 %, more than 33 are wrong by chance in less than one of 300 times.
#[test]
fn the_test_is_wrong_as_rarely_as_it_says_and_sees_what_is_there() {
    let mut people = People(ChaCha8Rng::seed_from_u64(11));
    let wrong = people.rejected(400, 0.0, true);
    assert!(wrong <= 33.0 / 400.0, "{wrong}");
    let seen = people.rejected(100, 1.0, true);
    assert!(seen > 0.9, "{seen}");
    let one_by_one = people.rejected(100, 0.0, false);
    assert!(one_by_one > 0.2, "who rows are about matters: {one_by_one}");
}
