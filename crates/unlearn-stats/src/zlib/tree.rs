//! Huffman codes of bounded length, with zlib's way of breaking ties, which decides the lengths of single codes.

/// What the symbols of a code are.
pub(super) struct Alphabet {
    /// Bits that follow the codes from `extra_from` on.
    pub(super) extra: &'static [u32],
    pub(super) extra_from: usize,
    pub(super) longest_code: usize,
    /// The length of a symbol's code in the format's fixed code.
    pub(super) fixed_bits: fn(usize) -> u32,
}

impl Alphabet {
    fn extra_bits(&self, symbol: usize) -> u32 {
        symbol.checked_sub(self.extra_from).and_then(|place| self.extra.get(place)).copied().unwrap_or(0)
    }
}

pub(super) struct Code {
    /// The length of each symbol's code; 0 for symbols that do not occur.
    pub(super) lengths: Vec<u32>,
    /// The last symbol that has a code.
    pub(super) last: usize,
    /// How many bits all symbols take, extra bits included, under this code and under the fixed one.
    pub(super) bits: i64,
    pub(super) fixed_bits: i64,
}

/// zlib's `build_tree`: the code for symbols that come as often as `counts` says.
pub(super) fn build(counts: &[u32], alphabet: &Alphabet) -> Code {
    let mut counts = counts.to_vec();
    let mut heap = Heap { nodes: Vec::new(), depths: vec![0; counts.len()] };
    heap.nodes.extend((0..counts.len()).filter(|symbol| counts[*symbol] != 0));
    let mut last = heap.nodes.last().copied().unwrap_or(0);
    let occurring = counts.clone();
    // The format wants two codes at least, if only for symbols that never come.
    let mut has_any = !heap.nodes.is_empty();
    while heap.nodes.len() < 2 {
        let forced = match (has_any, last) {
            (false, _) => 0,
            (true, 0 | 1) => last + 1,
            (true, _) => 0,
        };
        last = last.max(forced);
        has_any = true;
        counts[forced] = 1;
        heap.nodes.push(forced);
    }
    let (parents, merged) = heap.merge(&mut counts);
    let lengths = bounded_lengths(&counts, &parents, &merged, occurring.len(), alphabet.longest_code);
    let total = |bits: &dyn Fn(usize) -> u32| {
        let with_extra = |symbol: usize| i64::from(bits(symbol) + alphabet.extra_bits(symbol));
        occurring.iter().enumerate().map(|(symbol, count)| i64::from(*count) * with_extra(symbol)).sum()
    };
    Code { bits: total(&|symbol| lengths[symbol]), fixed_bits: total(&alphabet.fixed_bits), lengths, last }
}

/// A heap of nodes with the rarest on top; of equally rare ones, the shallower.
struct Heap {
    nodes: Vec<usize>,
    depths: Vec<u32>,
}

impl Heap {
    /// Merges the two rarest nodes until one is left. Gives every node's parent, and the nodes in the order they left.
    fn merge(mut self, counts: &mut Vec<u32>) -> (Vec<usize>, Vec<usize>) {
        for place in (0..self.nodes.len() / 2).rev() {
            self.sink(place, counts);
        }
        let mut parents = vec![0; counts.len()];
        let mut merged = Vec::new();
        while self.nodes.len() >= 2 {
            let rarest = self.nodes.swap_remove(0);
            self.sink(0, counts);
            let second = self.nodes[0];
            merged.extend([rarest, second]);
            let parent = counts.len();
            counts.push(counts[rarest] + counts[second]);
            self.depths.push(self.depths[rarest].max(self.depths[second]) + 1);
            parents.push(0);
            (parents[rarest], parents[second]) = (parent, parent);
            self.nodes[0] = parent;
            self.sink(0, counts);
        }
        merged.push(self.nodes[0]);
        (parents, merged)
    }

    fn sink(&mut self, mut place: usize, counts: &[u32]) {
        let key = |node: usize| (counts[node], self.depths[node]);
        let node = self.nodes[place];
        loop {
            let mut child = 2 * place + 1;
            if child >= self.nodes.len() {
                break;
            }
            if child + 1 < self.nodes.len() && key(self.nodes[child + 1]) <= key(self.nodes[child]) {
                child += 1;
            }
            if key(node) <= key(self.nodes[child]) {
                break;
            }
            self.nodes[place] = self.nodes[child];
            place = child;
        }
        self.nodes[place] = node;
    }
}

/// zlib's `gen_bitlen`: depths in the tree, with those beyond `longest` moved up at the cost of the deepest others.
fn bounded_lengths(counts: &[u32], parents: &[usize], merged: &[usize], symbols: usize, longest: usize) -> Vec<u32> {
    let mut lengths = vec![0; counts.len()];
    let mut with_length = vec![0_usize; longest + 1];
    let mut too_long: isize = 0;
    for &node in merged.iter().rev().skip(1) {
        let length = lengths[parents[node]] + 1;
        too_long += isize::from(length > longest);
        lengths[node] = length.min(longest);
        if node < symbols {
            with_length[lengths[node]] += 1;
        }
    }
    if too_long > 0 {
        while too_long > 0 {
            let shorter = (1..longest).rev().find(|length| with_length[*length] > 0).unwrap_or(1);
            with_length[shorter] -= 1;
            with_length[shorter + 1] += 2;
            with_length[longest] -= 1;
            too_long -= 2;
        }
        // The rarest symbols get the longest codes.
        let mut rarest_first = merged.iter().filter(|node| **node < symbols);
        for length in (1..=longest).rev() {
            for node in rarest_first.by_ref().take(with_length[length]) {
                lengths[*node] = length;
            }
        }
    }
    lengths[..symbols].iter().map(|length| *length as u32).collect()
}
