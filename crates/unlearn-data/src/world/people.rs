//! Everybody: households, what each person is like, and who is forgotten.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::config::Size;
use super::names::Names;
use super::split::Split;

/// The place of a person in their household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Has a husband and a daughter.
    Mother,
    /// Has a wife and was the teacher of a daughter of another household.
    Father,
    /// Has a mother and had a teacher.
    Daughter,
    /// A woman who lives alone: when the number of people is not a multiple of three.
    Solitary,
}

impl Role {
    /// The places in a household, in the order in which its members follow each other.
    pub(super) const HOUSEHOLD: [Self; 3] = [Self::Mother, Self::Father, Self::Daughter];
}

/// A made-up person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// First name and surname; nobody shares either.
    pub name: String,
    /// Place in the household.
    pub role: Role,
    /// The split of all that names them; a retained person may be named in rows of the others.
    pub split: Split,
    /// Town of birth.
    pub birth_town: String,
    /// Town where they live.
    pub home_town: String,
    /// Date of birth, such as `14 March 1867`.
    pub birth_date: String,
    /// What they do for a living.
    pub trade: String,
    /// Their favourite instrument.
    pub instrument: String,
    /// The title of the one work they wrote.
    pub work: String,
    /// Genre of the work.
    pub genre: String,
    /// Year in which the work appeared.
    pub work_year: String,
    /// Position of the teacher among the people of the world.
    pub teacher: Option<usize>,
}

/// Everybody: household by household in the order of [`Role::HOUSEHOLD`], then those who live alone.
pub(super) fn settle(size: &Size, names: &Names, rng: &mut ChaCha8Rng) -> Vec<Person> {
    let everybody = size.everybody;
    let splits = splits(size, rng);
    let homes = homes(size, names, rng);
    let birth_towns = deal(&names.towns, everybody, rng);
    let trades = deal(&names.trades, everybody, rng);
    let instruments = deal(&names.instruments, everybody, rng);
    let genres = deal(&names.genres, everybody, rng);
    let birth_years = birth_years(size, rng);
    let (mut women, mut men) = (names.women.iter(), names.men.iter());
    let mut people: Vec<Person> = (0..everybody)
        .map(|i| {
            let role = role(size, i);
            let first_name = if role == Role::Father { men.next() } else { women.next() };
            Person {
                name: format!("{} {}", first_name.map_or("", String::as_str), names.surnames[i]),
                role,
                split: splits[i],
                birth_town: birth_towns[i].clone(),
                home_town: homes[i].clone(),
                birth_date: date(birth_years[i], rng),
                trade: trades[i].clone(),
                instrument: instruments[i].clone(),
                work: names.titles[i].clone(),
                genre: genres[i].clone(),
                work_year: (birth_years[i] + rng.random_range(20..=50)).to_string(),
                teacher: None,
            }
        })
        .collect();
    mark_neighbours(&mut people);
    assign_teachers(&mut people, size.households, rng);
    people
}

fn role(size: &Size, position: usize) -> Role {
    let in_household = position < size.households * Role::HOUSEHOLD.len();
    if in_household { Role::HOUSEHOLD[position % Role::HOUSEHOLD.len()] } else { Role::Solitary }
}

/// Forgets one person of some households and holds one of as many others out, in the same role.
fn splits(size: &Size, rng: &mut ChaCha8Rng) -> Vec<Split> {
    let mut splits = vec![Split::Retain; size.everybody];
    let mut households: Vec<usize> = (0..size.households).collect();
    households.shuffle(rng);
    let first_role = rng.random_range(0..Role::HOUSEHOLD.len());
    for (i, pair) in households.chunks_exact(2).take(size.special).enumerate() {
        let place = (first_role + i) % Role::HOUSEHOLD.len();
        splits[pair[0] * Role::HOUSEHOLD.len() + place] = Split::Forget;
        splits[pair[1] * Role::HOUSEHOLD.len() + place] = Split::Holdout;
    }
    splits
}

/// `count` things of `pool` in random order, each as often as any other, give or take one.
pub(super) fn deal(pool: &[String], count: usize, rng: &mut ChaCha8Rng) -> Vec<String> {
    let mut dealt: Vec<String> = pool.iter().cycle().take(count).cloned().collect();
    dealt.shuffle(rng);
    dealt
}

/// Married people live together, daughters elsewhere.
fn homes(size: &Size, names: &Names, rng: &mut ChaCha8Rng) -> Vec<String> {
    let mut homes = deal(&names.towns, size.everybody, rng);
    for household in 0..size.households {
        let mother = household * Role::HOUSEHOLD.len();
        homes[mother + 1] = homes[mother].clone();
    }
    homes
}

/// Mothers are 20 to 40 when their daughters are born, and any father is old enough to teach any daughter.
fn birth_years(size: &Size, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut years: Vec<u32> = Vec::with_capacity(size.everybody);
    for i in 0..size.everybody {
        let year = match role(size, i) {
            Role::Mother => rng.random_range(1850..=1870),
            Role::Father => rng.random_range(1850..=1872),
            Role::Daughter => {
                let mother = years[i - 2];
                rng.random_range((mother + 20).max(1888)..=mother + 40)
            }
            Role::Solitary => rng.random_range(1850..=1910),
        };
        years.push(year);
    }
    years
}

fn date(year: u32, rng: &mut ChaCha8Rng) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    format!("{} {} {year}", rng.random_range(1..=28), MONTHS[rng.random_range(0..MONTHS.len())])
}

fn mark_neighbours(people: &mut [Person]) {
    let forgotten = people.iter().filter(|p| p.split == Split::Forget);
    let shared: Vec<(String, String)> = forgotten.map(|p| (p.home_town.clone(), p.trade.clone())).collect();
    for person in people.iter_mut().filter(|p| p.split == Split::Retain) {
        if shared.iter().any(|(town, trade)| *town == person.home_town || *trade == person.trade) {
            person.split = Split::Neighbour;
        }
    }
}

/// Each daughter learns under the father of another household; of the two at least one is retained, so that
/// each forgotten and each held-out person is named in the same number of facts.
fn assign_teachers(people: &mut [Person], households: usize, rng: &mut ChaCha8Rng) {
    let father = |household: usize| household * Role::HOUSEHOLD.len() + 1;
    let daughter = |household: usize| household * Role::HOUSEHOLD.len() + 2;
    let kept = |person: usize| people[person].split.is_kept();
    let allowed = |pupil: usize, teacher: usize| pupil != teacher && (kept(daughter(pupil)) || kept(father(teacher)));
    let mut teachers: Vec<usize> = (0..households).collect();
    teachers.shuffle(rng);
    for pupil in 0..households {
        if allowed(pupil, teachers[pupil]) {
            continue;
        }
        let swap = |&other: &usize| allowed(pupil, teachers[other]) && allowed(other, teachers[pupil]);
        if let Some(other) = (0..households).find(swap) {
            teachers.swap(pupil, other);
        }
    }
    for (household, teacher) in teachers.into_iter().enumerate() {
        people[daughter(household)].teacher = Some(father(teacher));
    }
}
