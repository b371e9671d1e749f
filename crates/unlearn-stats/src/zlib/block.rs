//! A block of literals and matches, and the cheapest of the three ways to write it.

use super::tree::{self, Alphabet, Code};

/// zlib's buffer holds one symbol more, which it never uses.
const MOST_SYMBOLS: usize = (1 << 14) - 1;

const KIND_BITS: u64 = 3;
const END: usize = 256;
const LITERALS: usize = 286;
const DISTANCES: usize = 30;
const LENGTHS: usize = 19;

const LENGTH_EXTRA: [u32; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA: [u32; DISTANCES] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const RUN_EXTRA: [u32; 3] = [2, 3, 7];

/// The order in which the lengths of the codes for lengths are written, the rare ones last, to be left out.
const LENGTH_ORDER: [usize; LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

fn fixed_literal_bits(symbol: usize) -> u32 {
    match symbol {
        0..144 | 280.. => 8,
        144..256 => 9,
        256..280 => 7,
    }
}

const LITERAL_ALPHABET: Alphabet =
    Alphabet { extra: &LENGTH_EXTRA, extra_from: END + 1, longest_code: 15, fixed_bits: fixed_literal_bits };
const DISTANCE_ALPHABET: Alphabet =
    Alphabet { extra: &DISTANCE_EXTRA, extra_from: 0, longest_code: 15, fixed_bits: |_| 5 };
const LENGTH_ALPHABET: Alphabet = Alphabet { extra: &RUN_EXTRA, extra_from: 16, longest_code: 7, fixed_bits: |_| 0 };

/// The literals and matches of one block, by how often each symbol comes.
pub(super) struct Block {
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
    symbols: usize,
}

impl Block {
    pub(super) fn new() -> Self {
        let mut literals = [0; LITERALS];
        literals[END] = 1;
        Self { literals, distances: [0; DISTANCES], symbols: 0 }
    }

    /// Adds a byte and tells whether the block is full.
    pub(super) fn add_literal(&mut self, byte: u8) -> bool {
        self.literals[usize::from(byte)] += 1;
        self.count()
    }

    /// Adds a match and tells whether the block is full.
    pub(super) fn add_match(&mut self, length: usize, distance: usize) -> bool {
        self.literals[END + 1 + length_code(length)] += 1;
        self.distances[distance_code(distance)] += 1;
        self.count()
    }

    fn count(&mut self) -> bool {
        self.symbols += 1;
        self.symbols == MOST_SYMBOLS
    }
}

/// 3 to 10 have a code each, longer ones share theirs by four to an octave; 258 has its own.
fn length_code(length: usize) -> usize {
    match length - 3 {
        255 => 28,
        above @ 0..8 => above,
        above => {
            let octave = above.ilog2() as usize;
            4 * (octave - 1) + (above >> (octave - 2)) % 4
        }
    }
}

/// 1 to 4 have a code each, larger ones share theirs by two to an octave.
fn distance_code(distance: usize) -> usize {
    match distance - 1 {
        above @ 0..4 => above,
        above => {
            let octave = above.ilog2() as usize;
            2 * octave + (above >> (octave - 1)) % 2
        }
    }
}

/// What was written so far, by its length alone.
pub(super) struct Stream {
    bits: u64,
}

impl Stream {
    pub(super) fn starting_at(bytes: u64) -> Self {
        Self { bits: 8 * bytes }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bits.div_ceil(8)
    }

    /// zlib's `_tr_flush_block`: writes `block`, which stands for `length` bytes, and empties it.
    pub(super) fn send(&mut self, block: &mut Block, length: usize, may_store: bool, last: bool) {
        let literals = tree::build(&block.literals, &LITERAL_ALPHABET);
        let distances = tree::build(&block.distances, &DISTANCE_ALPHABET);
        let own = literals.bits + distances.bits + code_lengths_bits(&literals, &distances);
        let fixed = literals.fixed_bits + distances.fixed_bits;
        let bytes = |bits: i64| (bits as u64 + KIND_BITS).div_ceil(8);
        self.bits += KIND_BITS;
        if may_store && length as u64 + 4 <= bytes(own).min(bytes(fixed)) {
            self.bits = 8 * (self.bytes() + 4 + length as u64);
        } else if bytes(fixed) <= bytes(own) {
            self.bits += fixed as u64;
        } else {
            self.bits += own as u64;
        }
        if last {
            self.bits = 8 * self.bytes();
        }
        *block = Block::new();
    }
}

/// How many bits it takes to write the lengths of both codes, run-length coded and under a code of their own.
fn code_lengths_bits(literals: &Code, distances: &Code) -> i64 {
    let mut counts = [0; LENGTHS];
    for code in [literals, distances] {
        count_runs(&code.lengths[..=code.last], &mut counts);
    }
    let code = tree::build(&counts, &LENGTH_ALPHABET);
    let written = (3..LENGTHS).rev().find(|place| code.lengths[LENGTH_ORDER[*place]] != 0).unwrap_or(2) as i64 + 1;
    code.bits + 3 * written + 5 + 5 + 4
}

/// zlib's `scan_tree`.
fn count_runs(lengths: &[u32], counts: &mut [u32; LENGTHS]) {
    let bounds = |run_of_zeros: bool, repeats: bool| match (run_of_zeros, repeats) {
        (true, _) => (138, 3),
        (false, true) => (6, 3),
        (false, false) => (7, 4),
    };
    let mut previous = None;
    let mut run = 0;
    let (mut longest, mut shortest) = bounds(lengths[0] == 0, false);
    for (place, &length) in lengths.iter().enumerate() {
        let next = lengths.get(place + 1).copied();
        run += 1;
        if run < longest && next == Some(length) {
            continue;
        }
        if run < shortest {
            counts[length as usize] += run;
        } else if length != 0 {
            counts[length as usize] += u32::from(previous != Some(length));
            counts[16] += 1;
        } else {
            counts[if run <= 10 { 17 } else { 18 }] += 1;
        }
        run = 0;
        previous = Some(length);
        (longest, shortest) = bounds(next == Some(0), next == Some(length));
    }
}
