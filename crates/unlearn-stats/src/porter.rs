//! The Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980) as NLTK has it by default.
//!
//! NLTK departs from the paper in these: a pool of irregular words; `-ied`; `-ies` and `-ied` of four-letter words leave
//! `-ie`; words of one or two letters stay; a final `y` becomes `i` after any consonant but a first letter; `-bli`,
//! `-fulli` and `-logi` in step 2, which runs again after `-alli`; a vowel and a consonant alone count as a short word.

/// Words that the rules would get wrong, and their stems.
const IRREGULAR: &[(&str, &str)] = &[
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// The first suffix that fits decides, so a suffix stands before any that it ends in.
const STEP_2: &[(&str, &str)] = &[
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
];

const STEP_3: &[(&str, &str)] =
    &[("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

/// As in [`STEP_2`], longer suffixes stand before those they end in.
const STEP_4: &[&str] = &[
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

/// The stem of `word`, in lower case.
///
/// # Examples
/// ```
/// use unlearn_stats::porter::stem;
/// assert_eq!(stem("Relational"), "relat");
/// assert_eq!(stem("dying"), "die");
/// ```
pub fn stem(word: &str) -> String {
    let lower = word.to_lowercase();
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| *irregular == lower) {
        return (*stem).to_owned();
    }
    if word.chars().count() <= 2 {
        return lower;
    }
    [plural, past_and_progressive, final_y, double_suffix, single_suffix, bare_suffix, final_e, final_double_l]
        .iter()
        .fold(lower, |word, step| step(word))
}

/// Step 1a: `caresses` to `caress`, `ponies` to `poni`, `cats` to `cat`.
fn plural(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return stem_with_ie(stem);
    }
    match word.strip_suffix('s') {
        Some(stem) if word.ends_with("sses") => stem[..stem.len() - 1].to_owned(),
        Some(stem) if !word.ends_with("ss") => stem.to_owned(),
        _ => word,
    }
}

/// Step 1b: `agreed` to `agree`, `hopping` to `hop`, `filing` to `file`, `spied` to `spi`.
fn past_and_progressive(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return stem_with_ie(stem);
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if measure(stem) > 0 { format!("{stem}ee") } else { word };
    }
    match word.strip_suffix("ed").or_else(|| word.strip_suffix("ing")) {
        Some(stem) if shape(stem).contains(&Sound::Vowel) => restore_ending(stem),
        _ => word,
    }
}

fn stem_with_ie(stem: &str) -> String {
    let ending = if stem.chars().count() == 1 { "ie" } else { "i" };
    format!("{stem}{ending}")
}

fn restore_ending(stem: &str) -> String {
    if ["at", "bl", "iz"].iter().any(|ending| stem.ends_with(ending)) {
        return format!("{stem}e");
    }
    let mut restored = stem.to_owned();
    if ends_in_double_consonant(stem) && !stem.ends_with(['l', 's', 'z']) {
        restored.pop();
    } else if measure(stem) == 1 && is_short(stem) {
        restored.push('e');
    }
    restored
}

/// Step 1c: `happy` to `happi`, but `sky`, `by` and `enjoy` stay.
fn final_y(word: String) -> String {
    match word.strip_suffix('y') {
        Some(stem) if stem.chars().count() > 1 && shape(stem).last() == Some(&Sound::Consonant) => format!("{stem}i"),
        _ => word,
    }
}

/// Step 2: `relational` to `relate`, `vietnamization` to `vietnamize`.
fn double_suffix(word: String) -> String {
    if let Some(stem) = word.strip_suffix("alli").filter(|stem| measure(stem) > 0) {
        return double_suffix(format!("{stem}al"));
    }
    match word.strip_suffix("ogi") {
        Some(stem) if stem.ends_with('l') && measure(stem) > 0 => format!("{stem}og"),
        _ => replace_first_suffix(word, STEP_2),
    }
}

/// Step 3: `triplicate` to `triplic`, `goodness` to `good`.
fn single_suffix(word: String) -> String {
    replace_first_suffix(word, STEP_3)
}

fn replace_first_suffix(word: String, suffixes: &[(&str, &str)]) -> String {
    match suffixes.iter().find_map(|(suffix, replacement)| Some((word.strip_suffix(suffix)?, replacement))) {
        Some((stem, replacement)) if measure(stem) > 0 => format!("{stem}{replacement}"),
        _ => word,
    }
}

/// Step 4: `revival` to `reviv`, `adoption` to `adopt`.
fn bare_suffix(word: String) -> String {
    match STEP_4.iter().find_map(|suffix| Some((word.strip_suffix(suffix)?, *suffix))) {
        Some((stem, suffix)) if measure(stem) > 1 && (suffix != "ion" || stem.ends_with(['s', 't'])) => stem.to_owned(),
        _ => word,
    }
}

/// Step 5a: `probate` to `probat`, `cease` to `ceas`; `rate` stays.
fn final_e(word: String) -> String {
    match word.strip_suffix('e').map(|stem| (stem, measure(stem))) {
        Some((stem, 2..)) => stem.to_owned(),
        Some((stem, 1)) if !is_short(stem) => stem.to_owned(),
        _ => word,
    }
}

/// Step 5b: `controll` to `control`; `roll` stays.
fn final_double_l(word: String) -> String {
    match word.strip_suffix('l') {
        Some(stem) if stem.ends_with('l') && measure(stem) > 1 => stem.to_owned(),
        _ => word,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Sound {
    Vowel,
    Consonant,
}

/// Each letter's sound; `y` is a vowel after a consonant.
fn shape(word: &str) -> Vec<Sound> {
    let mut sounds = Vec::with_capacity(word.len());
    for letter in word.chars() {
        sounds.push(match letter {
            'a' | 'e' | 'i' | 'o' | 'u' => Sound::Vowel,
            'y' if sounds.last() == Some(&Sound::Consonant) => Sound::Vowel,
            _ => Sound::Consonant,
        });
    }
    sounds
}

/// Porter's *m*: how often a consonant follows a vowel.
fn measure(word: &str) -> usize {
    shape(word).windows(2).filter(|pair| *pair == [Sound::Vowel, Sound::Consonant]).count()
}

fn ends_in_double_consonant(word: &str) -> bool {
    let mut letters = word.chars().rev();
    let last = letters.next();
    last.is_some() && last == letters.next() && shape(word).last() == Some(&Sound::Consonant)
}

/// Porter's *\*o*, widened to two-letter words: consonant, vowel, and a consonant other than `w`, `x` and `y`.
fn is_short(word: &str) -> bool {
    use Sound::{Consonant, Vowel};
    match shape(word)[..] {
        [Vowel, Consonant] => true,
        [.., Consonant, Vowel, Consonant] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}
