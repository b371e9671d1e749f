//! How often many answers to a question say a fact, and how often those to its worst form do.

use std::collections::{BTreeMap, BTreeSet};

use unlearn_core::attack::Trial;
use unlearn_stats::sampling::leak_at_k;

/// What any of some forms of the questions brought, and leak@k of each fact's worst form. It asked nothing itself.
pub(super) fn worst_form(forms: &[Trial]) -> Trial {
    let any = forms.iter().skip(1).fold(forms.first().cloned().unwrap_or_default(), |sum, form| sum.or(form));
    let mut numbers = said_at(&forms.iter().collect::<Vec<_>>());
    numbers.extend(any.numbers.get("temperature").map(|t| ("temperature".to_owned(), *t)));
    numbers.insert("forms".to_owned(), forms.len() as f64);
    Trial { numbers, cost: Default::default(), ..any }
}

/// leak@k, k = 1, 2, 4, … and as many answers as there are, as a mean over the facts, each in the form that leaks most.
pub(super) fn said_at(forms: &[&Trial]) -> BTreeMap<String, f64> {
    let facts = facts(forms);
    let answers = facts.iter().flatten().map(|[_, of]| *of).min().unwrap_or_default();
    let doubled = std::iter::successors(Some(1), |k| (k * 2 <= answers).then_some(k * 2));
    let ks: BTreeSet<usize> = doubled.chain([answers]).filter(|k| (1..=answers).contains(k)).collect();
    let worst = |fact: &Vec<[usize; 2]>, k: usize| {
        let each = fact.iter().filter_map(|[said, of]| leak_at_k(*said as u64, *of as u64, k as u64));
        each.fold(0.0, f64::max)
    };
    let mean = |k: usize| facts.iter().map(|fact| worst(fact, k)).sum::<f64>() / facts.len() as f64;
    ks.into_iter().map(|k| (format!("said-at-{k}"), mean(k))).collect()
}

/// Of each fact that was asked, how often each form said it.
fn facts(forms: &[&Trial]) -> Vec<Vec<[usize; 2]>> {
    let mut facts: BTreeMap<(&str, usize), Vec<[usize; 2]>> = BTreeMap::new();
    for (scope, caught) in forms.iter().flat_map(|form| &form.scopes) {
        for (row, times) in caught.times.iter().enumerate() {
            if let Some(times) = times {
                facts.entry((scope, row)).or_default().push(*times);
            }
        }
    }
    facts.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlearn_core::attack::Caught;

    fn form(times: &[Option<[usize; 2]>]) -> Trial {
        let caught = Caught { times: times.to_vec(), ..Caught::default() };
        Trial { scopes: BTreeMap::from([("forget".to_owned(), caught)]), ..Trial::default() }
    }

    /// The share of all choices of `k` of `n` answers, of which the first `said` say it, in which one does.
    fn chosen(said: usize, n: usize, k: usize) -> f64 {
        let choices = (0..1_u32 << n).filter(|choice| choice.count_ones() as usize == k);
        let (all, leaks) = choices
            .fold((0, 0), |(all, leaks), choice| (all + 1, leaks + usize::from(choice & ((1 << said) - 1) != 0)));
        leaks as f64 / f64::from(all)
    }

    #[test]
    fn each_fact_counts_in_the_form_that_leaks_most_of_all_choices_of_answers() {
        let (n, own, other) = (6, [0, 2, 6, 1], [Some(1), None, Some(0), Some(4)]);
        let forms = [form(&own.map(|said| Some([said, n]))), form(&other.map(|said| said.map(|said| [said, n])))];
        let found = worst_form(&forms).numbers;
        for k in [1, 2, 4, 6] {
            let worst = |i: usize| chosen(own[i], n, k).max(other[i].map_or(0.0, |said| chosen(said, n, k)));
            let expected = (0..4).map(worst).sum::<f64>() / 4.0;
            assert!((found[&format!("said-at-{k}")] - expected).abs() < 1e-12, "{k}: {found:?}, not {expected}");
        }
        assert_eq!(found.keys().collect::<Vec<_>>(), ["forms", "said-at-1", "said-at-2", "said-at-4", "said-at-6"]);
    }

    #[test]
    fn where_nothing_was_asked_nothing_is_counted() {
        assert!(said_at(&[&form(&[None, None])]).is_empty());
    }
}
