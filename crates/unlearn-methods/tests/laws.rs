//! The laws that the methods' cards state.

use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::likelihood::score_rows;
use unlearn_engine::train::{Alternates, Objective};

mod common;

use common::Tiny;

/// The laws that the cards state for a policy that still is the reference.
#[test]
fn at_the_reference() {
    let of = |tiny: &mut Tiny, text: &str| tiny.objective(&text.parse().expect("TOML"));
    let mut tiny = Tiny::new();
    let at = |tiny: &Tiny, o: &dyn Objective| tiny.step_of(o, &tiny.ask(o), 0);
    let close = |a: &[Vec<f32>], b: &[Vec<f32>], factor: f64, what: &str| {
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!((f64::from(*a) - f64::from(*b) * factor).abs() < 1e-4, "{what}: {a} and {b} times {factor}");
        }
    };

    // NPO: (2/β) ln 2, and the gradient of the negated sums' mean.
    let npo = of(&mut tiny, "name = 'npo'\nbeta = 0.1\nretain = 'none'");
    let (loss, by_npo) = at(&tiny, npo.as_ref());
    assert!((loss - 20.0 * 2f64.ln()).abs() < 1e-4);
    let ascent = of(&mut tiny, "name = 'grad-ascent'");
    let sums = tiny.sets.forget.iter().map(TokenRow::supervised).sum::<usize>() as f64 / tiny.sets.forget.len() as f64;
    let (_, by_ascent) = at(&tiny, ascent.as_ref());
    close(&by_npo, &by_ascent, sums, "npo");
    // With β near 0 it stays gradient ascent on sums, wherever the policy is.
    let flat = of(&mut tiny, "name = 'npo'\nbeta = 1e-4\nretain = 'none'");
    let reference = tiny.ask(flat.as_ref());
    let mut away = Tiny::new();
    away.moved(7);
    let (by_flat, by_ascent) = (away.step(flat.as_ref(), &reference).1, away.step(ascent.as_ref(), &reference).1);
    let norm = by_flat.iter().flatten().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let products = by_flat.iter().flatten().zip(by_ascent.iter().flatten());
    let gap = products.map(|(&a, &b)| (f64::from(a) - sums * f64::from(b)).powi(2)).sum::<f64>().sqrt();
    assert!(gap / norm < 1e-3, "npo with a small beta is off by {}", gap / norm);

    // DPO: (2/β) ln 2; swapping the answers turns the gradient round.
    let dpo = of(&mut tiny, "name = 'dpo'\nbeta = 0.1\nretain = 'none'");
    let (loss, forwards) = at(&tiny, dpo.as_ref());
    assert!((loss - 20.0 * 2f64.ln()).abs() < 1e-4);
    let mut swapped = Tiny::new();
    swapped.sets.forget = tiny.sets.forget_alternates.rows().iter().step_by(4).cloned().collect();
    swapped.sets.forget_alternates = Alternates::new(tiny.sets.forget.iter().map(|r| vec![r.clone()]).collect(), 1);
    close(&at(&swapped, dpo.as_ref()).1, &forwards, -1.0, "dpo");

    // KL and hidden distance: nothing, with a gradient of nothing.
    for retain in ["kl", "hidden"] {
        let hold = of(&mut tiny, &format!("name = 'grad-diff'\ngamma = 0.0\nretain = '{retain}'"));
        let (loss, gradient) = at(&tiny, hold.as_ref());
        assert!(loss.abs() < 1e-6, "{retain}: {loss}");
        assert!(gradient.iter().flatten().all(|g| g.abs() < 1e-6), "{retain}");
    }

    // Gradient difference of a set with itself: nothing.
    let mut same = Tiny::new();
    same.sets.retain = same.sets.forget.clone();
    let difference = of(&mut same, "name = 'grad-diff'");
    assert!(at(&same, difference.as_ref()).1.iter().flatten().all(|g| g.abs() < 1e-6));

    // UNDIAL without strength: its own teacher, no gradient.
    let undial = of(&mut tiny, "name = 'undial'\nbeta = 0");
    assert!(at(&tiny, undial.as_ref()).1.iter().flatten().all(|g| g.abs() < 1e-6));

    // WGA without power: plain ascent.
    let wga = of(&mut tiny, "name = 'wga'\nbeta = 0\nretain = 'none'");
    close(&at(&tiny, wga.as_ref()).1, &at(&tiny, ascent.as_ref()).1, 1.0, "wga");
    // SatImp with `beta2 = 0`: WGA.
    let satimp = of(&mut tiny, "name = 'sat-imp'\nbeta1 = 2\nbeta2 = 0\ngamma = 1.0\nretain = 'none'");
    let wga = of(&mut tiny, "name = 'wga'\nbeta = 2\nretain = 'none'");
    close(&at(&tiny, satimp.as_ref()).1, &at(&tiny, wga.as_ref()).1, 1.0, "sat-imp");

    // Circuit breakers: every state points where it did.
    let breaker = of(&mut tiny, "name = 'circuit-breaker'\nalpha = 1.0");
    let loss = at(&tiny, breaker.as_ref()).0;
    assert!((loss - 1.0).abs() < 1e-5, "circuit-breaker: {loss}");

    // ELM without a way to go: the reference's own largest shares at the temperature, and no more tokens than asked for.
    let text =
        "name = 'elm'\nexpert_ids = [4]\nnovice_ids = [4]\ntop_k = 31\ntemperature = 1.0\nalpha = 0.0\nfluency = 0.0";
    let elm = of(&mut tiny, text);
    let undial = of(&mut tiny, "name = 'undial'\nbeta = 0");
    let (by_elm, by_undial) = (at(&tiny, elm.as_ref()), at(&tiny, undial.as_ref()));
    assert!((by_elm.0 - by_undial.0).abs() < 1e-5, "elm: {} and {}", by_elm.0, by_undial.0);
    close(&by_elm.1, &by_undial.1, 1.0, "elm");

    // JensUn: the divergence of a distribution from itself is nothing, and none is above log 2.
    let jensun = of(&mut tiny, "name = 'jens-un'\nrefusal_ids = [5]\nalpha = 1.0");
    let loss = at(&tiny, jensun.as_ref()).0;
    assert!(loss > 0.0 && loss < 2f64.ln() + 1e-6, "jens-un: {loss}");
    let kept = of(&mut tiny, "name = 'jens-un'\nrefusal_ids = [5]\ngamma = 0.0");
    assert!(at(&tiny, kept.as_ref()).0.abs() < 1e-6);

    // LLMU without the other terms: the negated mean of the answers' mean losses.
    let llmu = of(&mut tiny, "name = 'llmu'\nepsilon1 = 1.0\nepsilon2 = 0.0\nretain = 'none'");
    let scores = score_rows(&tiny.model, &tiny.sets.forget, Which::Supervised, 1024, |_| ());
    let means = scores.iter().map(|s| s.iter().map(|&x| f64::from(x)).sum::<f64>() / s.len() as f64);
    let expected = means.sum::<f64>() / scores.len() as f64;
    assert!((at(&tiny, llmu.as_ref()).0 - expected).abs() < 1e-5);
}

/// SimNPO does not care how long an answer is, NPO does.
#[test]
fn lengths() {
    let mut tiny = Tiny::new();
    let uniform = |v: &mut [f32]| v.fill(0.0);
    let head = tiny.model.parameters.specs().iter().position(|s| s.name == "lm_head.weight").expect("a head");
    tiny.model.parameters.update(head, uniform);
    let row = |n: u32| {
        TokenRow::of_tokens((1..=n).collect(), (0..i64::from(n)).map(|i| if i < 2 { -100 } else { i + 1 }).collect())
    };
    let loss = |tiny: &mut Tiny, n: u32, text: &str, moved: bool| {
        tiny.sets.forget = vec![row(n)];
        let objective = tiny.objective(&text.parse().expect("TOML"));
        let reference = tiny.ask(objective.as_ref());
        let mut away = Tiny { model: tiny.model.clone(), sets: tiny.sets.clone() };
        if moved {
            away.moved(7);
        }
        away.step(objective.as_ref(), &reference).0
    };
    let simnpo = "name = 'sim-npo'\nretain = 'none'\ngamma = 1.0";
    let (short, long) = (loss(&mut tiny, 6, simnpo, false), loss(&mut tiny, 20, simnpo, false));
    assert!((short - long).abs() < 1e-6, "{short} and {long}");
    let expected = 2.0 / 4.5 * (1.0 + (-4.5 * 31f64.ln()).exp()).ln();
    assert!((short - expected).abs() < 1e-7, "{short} and {expected}");
    let npo = "name = 'npo'\nretain = 'none'";
    let (short, long) = (loss(&mut tiny, 6, npo, true), loss(&mut tiny, 20, npo, true));
    assert!((short - long).abs() > 1e-3, "{short} and {long}");

    // Uniform scores: nothing left to flatten, nothing left to spread.
    for text in ["name = 'me-gd'\nretain = 'none'", "name = 'pdu'\nalpha = 0"] {
        let flat = loss(&mut tiny, 9, text, false);
        assert!(flat.abs() < 1e-5, "{text}: {flat}");
    }
}
