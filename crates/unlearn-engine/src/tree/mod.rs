//! Rows with a common beginning as one tree of tokens, in which what they share goes through the decoder once.
//!
//! Several answers to one question share its tokens, and often their own first ones. A node is a token after those on
//! the way to it; it sees these and itself, and stands where it would stand in its row.

mod look;
mod spread;

use std::collections::HashMap;

use unlearn_data::TokenRow;

use crate::batch::inputs;

pub(crate) use look::forward;
pub use look::{Seen, Sight, look, look_and_begin};
pub(crate) use spread::read;

/// Some rows' input tokens, each stretch that they share once. Parents stand before their children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The token of every node.
    pub tokens: Vec<u32>,
    /// The node before it; none for what begins a row.
    pub parents: Vec<Option<usize>>,
    /// Nodes before it on its way.
    pub depths: Vec<usize>,
    /// Tokens that no other sees.
    pub unseen: Vec<bool>,
    /// The node of every input token of every row.
    pub paths: Vec<Vec<usize>>,
}

impl Tree {
    /// The tree of some rows, whose first `skip` tokens stand elsewhere. A row's last token is no input.
    #[must_use]
    pub fn of(rows: &[&TokenRow], skip: usize) -> Self {
        Self::reaching(rows, skip, false)
    }

    /// As [`Self::of`], with the rows' last tokens where `to_the_end`.
    #[must_use]
    pub fn reaching(rows: &[&TokenRow], skip: usize, to_the_end: bool) -> Self {
        let mut tree = Self::default();
        let mut children: HashMap<(Option<usize>, u32), usize> = HashMap::new();
        for row in rows {
            let inputs = inputs(row, to_the_end).max(skip);
            let mut path = Vec::with_capacity(inputs - skip);
            let mut parent = None;
            for &id in &row.ids[skip..inputs] {
                let node = *children.entry((parent, id)).or_insert_with(|| tree.grow(parent, id, row.hidden));
                path.push(node);
                parent = Some(node);
            }
            tree.paths.push(path);
        }
        tree
    }

    /// Trees beside each other, of which none sees another.
    pub(crate) fn beside(trees: &[&Self]) -> Self {
        let mut all = Self::default();
        for tree in trees {
            let offset = all.len();
            all.tokens.extend(&tree.tokens);
            all.parents.extend(tree.parents.iter().map(|parent| parent.map(|p| offset + p)));
            all.depths.extend(&tree.depths);
            all.unseen.extend(&tree.unseen);
            all.paths.extend(tree.paths.iter().map(|path| path.iter().map(|node| offset + node).collect()));
        }
        all
    }

    fn grow(&mut self, parent: Option<usize>, id: u32, hidden: Option<u32>) -> usize {
        self.tokens.push(id);
        self.parents.push(parent);
        self.depths.push(parent.map_or(0, |p| self.depths[p] + 1));
        self.unseen.push(Some(id) == hidden);
        self.tokens.len() - 1
    }

    /// Its nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens of its longest row.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.paths.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// A node and those on the way to it, from the last back.
    pub(crate) fn way(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |&n| self.parents[n])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_way_through_the_tree_is_its_row(
            rows in prop::collection::vec(prop::collection::vec(0u32..3, 1..8), 1..6),
        ) {
            let rows: Vec<TokenRow> =
                rows.into_iter().map(|ids| TokenRow::of_tokens(ids.clone(), vec![-100; ids.len()])).collect();
            let tree = Tree::of(&rows.iter().collect::<Vec<_>>(), 0);
            for (row, path) in rows.iter().zip(&tree.paths) {
                let inputs = &row.ids[..row.ids.len() - 1];
                prop_assert_eq!(path.iter().map(|&n| tree.tokens[n]).collect::<Vec<_>>(), inputs);
                if let Some(&last) = path.last() {
                    let mut way: Vec<usize> = tree.way(last).collect();
                    way.reverse();
                    prop_assert_eq!(&way, path);
                    prop_assert_eq!(tree.depths[last] + 1, path.len());
                }
            }
            let mut distinct: Vec<&[u32]> =
                rows.iter().flat_map(|r| (1..r.ids.len()).map(move |n| &r.ids[..n])).collect();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(tree.len(), distinct.len(), "every beginning stands once");
        }
    }
}
