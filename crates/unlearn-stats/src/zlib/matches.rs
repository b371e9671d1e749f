//! The search for repetitions: hash chains and lazy matching, zlib's `deflate_slow`.

use super::block::{Block, Stream};

const SHORTEST: usize = 3;
const LONGEST: usize = 258;
const WINDOW: usize = 1 << 15;
const LOOK_AHEAD: usize = LONGEST + SHORTEST + 1;
const FARTHEST: usize = WINDOW - LOOK_AHEAD;
/// A shortest match from farther than this costs more than its literals.
const TOO_FAR: usize = 4096;

// Level 6 of zlib's table: when to shorten the search, to be content, and to give up.
const GOOD: usize = 8;
const LAZY: usize = 16;
const NICE: usize = 128;
const CHAIN: usize = 128;

const HASH_BITS: usize = 15;
const NONE: usize = usize::MAX;

#[derive(Clone, Copy)]
struct Match {
    length: usize,
    start: usize,
}

const NO_MATCH: Match = Match { length: SHORTEST - 1, start: 0 };

/// Parts `text` into blocks of literals and matches and sends them to `stream`.
pub(super) fn compress(text: &[u8], stream: &mut Stream) {
    let mut finder = Finder::new(text);
    let mut block = Block::new();
    let mut block_start = 0;
    let mut here = 0;
    let mut last = NO_MATCH;
    let mut literal_waits = false;
    loop {
        finder.load(here);
        if here >= text.len() {
            break;
        }
        let candidate = finder.insert(here);
        let before = last;
        last = match candidate {
            Some(candidate) if before.length < LAZY => finder.longest(here, candidate, before),
            _ => Match { length: NO_MATCH.length, ..before },
        };
        let (block_end, next, full);
        if before.length >= SHORTEST && last.length <= before.length {
            next = here - 1 + before.length;
            for position in here + 1..next {
                finder.insert(position);
            }
            (block_end, full) = (next, block.add_match(before.length, here - 1 - before.start));
            last.length = NO_MATCH.length;
            literal_waits = false;
        } else {
            // This byte waits for what the next one brings, outside of a block that the one before it fills.
            (block_end, next) = (here, here + 1);
            full = literal_waits && block.add_literal(text[here - 1]);
            literal_waits = true;
        }
        if full {
            stream.send(&mut block, block_end - block_start, finder.holds(block_start), false);
            block_start = block_end;
        }
        here = next;
    }
    if literal_waits {
        block.add_literal(text[text.len() - 1]);
    }
    stream.send(&mut block, text.len() - block_start, finder.holds(block_start), true);
}

struct Finder<'text> {
    text: &'text [u8],
    /// The last position of each hash, and for each position the one before it with the same hash.
    heads: Vec<usize>,
    before: Vec<usize>,
    /// What zlib's buffer of two windows would hold: it moves on by whole windows.
    base: usize,
    loaded: usize,
}

impl<'text> Finder<'text> {
    fn new(text: &'text [u8]) -> Self {
        let [heads, before] = [1 << HASH_BITS, text.len()].map(|length| vec![NONE; length]);
        Self { text, heads, before, base: 0, loaded: 0 }
    }

    /// Whether the text from `position` on is still in the buffer, from where alone it can be stored.
    fn holds(&self, position: usize) -> bool {
        position >= self.base
    }

    /// zlib's `fill_window`.
    fn load(&mut self, here: usize) {
        while self.loaded - here < LOOK_AHEAD {
            if here - self.base >= WINDOW + FARTHEST {
                self.base += WINDOW;
            }
            if self.loaded == self.text.len() {
                break;
            }
            self.loaded = self.text.len().min(self.base + 2 * WINDOW);
        }
    }

    /// Enters `position` and gives the last one before it with the same hash, if it can be reached.
    fn insert(&mut self, position: usize) -> Option<usize> {
        let [first, second, third] = *self.text.get(position..position + SHORTEST)?.first_chunk()?;
        let hash = (usize::from(first) << 10 ^ usize::from(second) << 5 ^ usize::from(third)) & ((1 << HASH_BITS) - 1);
        let head = std::mem::replace(&mut self.heads[hash], position);
        self.before[position] = head;
        // The buffer's first position stands for "none" in zlib, and so is never found.
        (head != NONE && head > self.base && position - head <= FARTHEST).then_some(head)
    }

    /// zlib's `longest_match`: the first of the longest on the chain from `candidate`, if longer than the match
    /// `before`.
    fn longest(&self, here: usize, candidate: usize, before: Match) -> Match {
        let ahead = self.text.len() - here;
        let mut best = before;
        if best.length >= ahead {
            return Match { length: ahead, ..best };
        }
        let nice = NICE.min(ahead);
        let oldest = self.base.max(here.saturating_sub(FARTHEST));
        let scan = &self.text[here..here + ahead.min(LONGEST)];
        let mut candidate = candidate;
        for _ in 0..if before.length >= GOOD { CHAIN >> 2 } else { CHAIN } {
            let other = &self.text[candidate..];
            // The cheap comparison first: a longer match must agree where the best so far ends.
            if other[best.length] == scan[best.length] && other[best.length - 1] == scan[best.length - 1] {
                let length = scan.iter().zip(other).take_while(|(a, b)| a == b).count();
                if length > best.length {
                    best = Match { length, start: candidate };
                    if length >= nice {
                        break;
                    }
                }
            }
            candidate = self.before[candidate];
            if candidate == NONE || candidate <= oldest {
                break;
            }
        }
        let too_far = best.length == SHORTEST && here - best.start > TOO_FAR;
        if too_far { Match { length: NO_MATCH.length, ..best } } else { best }
    }
}
