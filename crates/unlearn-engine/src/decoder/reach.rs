//! Which tokens of a pass see which, as stretches of tokens rather than as a mask.

use std::ops::Range;

use crate::tree::Tree;

/// The tokens of a pass, one row after the other, and which of them each sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    stretches: Vec<Stretch>,
    /// Where each token stands in its row.
    depths: Vec<usize>,
}

/// Neighbours of which each sees what the one before it sees, and that one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    tokens: Range<usize>,
    /// What all of them see, in the order of their row.
    before: Vec<Range<usize>>,
    /// Whether a token sees itself: not when it is one that is not seen at all.
    own: bool,
}

impl Reach {
    /// Rows of `width` tokens beside each other. `unseen[row][token]` are seen by nobody; none when it is empty.
    pub(crate) fn rows(count: usize, width: usize, unseen: &[Vec<bool>]) -> Self {
        let mut reach = Self::default();
        for row in 0..count {
            let hidden = unseen.get(row).map_or(&[][..], Vec::as_slice);
            let start = row * width;
            reach.chain((start..start + width, 0), &[], |t| hidden.get(t - start).is_some_and(|u| *u));
        }
        reach
    }

    /// The nodes of trees.
    pub(crate) fn tree(tree: &Tree) -> Self {
        let mut reach = Self::default();
        let mut start = 0;
        while start < tree.len() {
            let chained = (start + 1..tree.len()).take_while(|&n| tree.parents[n] == Some(n - 1)).count();
            let mut way: Vec<usize> = tree.parents[start].map_or(Vec::new(), |parent| tree.way(parent).collect());
            way.reverse();
            reach.chain((start..start + 1 + chained, tree.depths[start]), &way, |n| tree.unseen[n]);
            start += 1 + chained;
        }
        reach
    }

    /// Tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.depths.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.depths.is_empty()
    }

    /// Looks at the tokens in `of`, in order. With a window, a token sees itself and those before it, so many in all.
    pub(crate) fn walk(&self, of: Range<usize>, window: Option<usize>) -> Walk<'_> {
        let stretch = self.stretches.partition_point(|s| s.tokens.end <= of.start);
        Walk { reach: self, left: of, window, stretch, group: Group::default() }
    }

    /// Adds tokens each of which follows the one before it; the first, which stands at `depth`, follows `way`.
    fn chain(&mut self, (tokens, depth): (Range<usize>, usize), way: &[usize], unseen: impl Fn(usize) -> bool) {
        self.depths.extend((0..tokens.len()).map(|n| depth + n));
        let mut before: Vec<Range<usize>> = Vec::new();
        for &token in way.iter().filter(|&&t| !unseen(t)) {
            append(&mut before, token..token + 1);
        }
        let mut start = tokens.start;
        while start < tokens.end {
            let seen = (start..tokens.end).take_while(|&t| !unseen(t)).count();
            if seen > 0 {
                self.stretches.push(Stretch { tokens: start..start + seen, before: before.clone(), own: true });
                append(&mut before, start..start + seen);
                start += seen;
            } else {
                self.stretches.push(Stretch { tokens: start..start + 1, before: before.clone(), own: false });
                start += 1;
            }
        }
    }
}

/// Neighbours that are looked at together, and what they see.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) tokens: Range<usize>,
    /// What any of them sees: stretches in the order of their row.
    pub(crate) seen: Vec<Range<usize>>,
    /// What each of them sees of it: how many it passes over, and where it ends.
    spans: Vec<Range<usize>>,
}

impl Group {
    /// Of each token, what it sees among all that the group sees.
    pub(crate) fn spans(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.spans.iter().cloned()
    }
}

/// On the way along the tokens of a pass.
pub(crate) struct Walk<'a> {
    reach: &'a Reach,
    left: Range<usize>,
    window: Option<usize>,
    stretch: usize,
    group: Group,
}

impl Walk<'_> {
    /// The next tokens, so many at most.
    pub(crate) fn steps(&mut self, most: usize) -> Option<&Group> {
        let first = self.left.next()?;
        self.stretch += usize::from(self.reach.stretches[self.stretch].tokens.end == first);
        let (stretch, depths) = (&self.reach.stretches[self.stretch], &self.reach.depths);
        // Each sees what the one before it sees and that one, so that all see parts of one row.
        let end = stretch.tokens.end.min(self.left.end).min(first + most.max(1));
        self.left.start = end;
        let least = |token: usize| self.window.map_or(0, |w| (depths[token] + 1).saturating_sub(w));
        let own = |token: usize| stretch.tokens.start..if stretch.own { token + 1 } else { stretch.tokens.start };
        let sees = |own: Range<usize>, least: usize| {
            stretch.before.iter().cloned().chain([own]).filter(|r| !r.is_empty()).filter_map(move |range| {
                let passed = least.saturating_sub(depths[range.start]);
                (passed < range.len()).then(|| range.start + passed..range.end)
            })
        };
        let count = |token: usize, least: usize| sees(own(token), least).map(|range| range.len()).sum::<usize>();
        let Group { tokens, seen, spans } = &mut self.group;
        *tokens = first..end;
        seen.clear();
        seen.extend(sees(own(end - 1), least(first)));
        spans.clear();
        spans.extend((first..end).map(|token| {
            let all = count(token, least(first));
            all - count(token, least(token))..all
        }));
        Some(&self.group)
    }
}

/// Appends what stands at the next places of a row: one stretch where it follows in memory as well.
fn append(all: &mut Vec<Range<usize>>, next: Range<usize>) {
    match all.last_mut() {
        Some(last) if last.end == next.start => last.end = next.end,
        _ => all.push(next),
    }
}
