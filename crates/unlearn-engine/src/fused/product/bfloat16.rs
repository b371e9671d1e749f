//! Products of matrices whose factors are rounded to bfloat16 and whose sums are float32: about twice as fast where the
//! processor multiplies such numbers.
//!
//! Blocked as in Goto and van de Geijn (2008, "Anatomy of high-performance matrix multiplication"): a panel of one side
//! stays in the first cache while a few panels of the other pass by. A sum runs in one order at any thread count.

use std::cell::Cell;

use rayon::prelude::*;

use super::super::entry::Entry;
use super::kernel::{self, COLUMNS, LINES, ROWS};
use super::pack::{Line, Panel};
use super::{View, kept};

/// Pairs along which a tile is summed at once: a panel of columns and one of rows fit the first cache.
const PAIRS: usize = 128;
/// Entries of the shorter side's panels that are packed at once, so that they stay in the last cache.
const PACKED: usize = 1 << 21;
/// Rows that a task works on at most.
const TASK: usize = 64;

thread_local! {
    /// Panels of columns, and of rows, which are made anew in every product: their memory stays.
    static COLUMN_PANELS: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
    static ROW_PANELS: Cell<Vec<u32>> = const { Cell::new(Vec::new()) };
}

/// `a` `[m, k]` times `b` `[k, n]`: `[m, n]`.
pub(super) fn product<E: Entry>(a: View<'_, f32>, b: View<'_, E>, [m, k, n]: [usize; 3]) -> Vec<f32> {
    if m * k * n == 0 {
        return vec![0.0; m * n];
    }
    let b = b.turned();
    let blocks = k.div_ceil(2 * PAIRS);
    // Blocks of equal length, of whole pairs.
    let block = k.div_ceil(2 * blocks) * 2;
    let panels = (PACKED / (k * COLUMNS)).clamp(1, n.div_ceil(COLUMNS));
    let rows = m.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(ROWS).min(TASK);
    let length = LINES * k.div_ceil(2);
    let mut packed = kept(&COLUMN_PANELS, panels * length, Line([0; 16]));
    let out = kernel::written(m * n, |out| {
        for column in (0..n).step_by(panels * COLUMNS) {
            let panels = panels.min((n - column).div_ceil(COLUMNS));
            packed[..panels * length].par_chunks_mut(length).enumerate().for_each(|(i, panel)| {
                let first = column + i * COLUMNS;
                Panel::<E, COLUMNS> { view: b, rows: n, first, along: (0, k), out: bytemuck::cast_slice_mut(panel) }
                    .fill();
            });
            out.par_chunks_mut(rows * n).enumerate().for_each(|(i, out)| {
                let first = i * rows;
                let there = out.len().div_ceil(n * ROWS);
                let mut mine = kept(&ROW_PANELS, rows * block / 2, 0);
                for from in (0..k).step_by(block) {
                    let to = k.min(from + block);
                    let pairs = (to - from).div_ceil(2);
                    for (i, panel) in mine.chunks_exact_mut(pairs * ROWS).take(there).enumerate() {
                        let first = first + i * ROWS;
                        Panel::<f32, ROWS> { view: a, rows: m, first, along: (from, to), out: panel }.fill();
                    }
                    for (j, panel) in packed[..panels * length].chunks_exact(length).enumerate() {
                        let panel = &panel[from / 2 * LINES..][..pairs * LINES];
                        for (i, mine) in mine.chunks_exact(pairs * ROWS).take(there).enumerate() {
                            let column = column + j * COLUMNS;
                            kernel::tile(mine, panel, &mut out[i * ROWS * n..], (column, n), from > 0);
                        }
                    }
                }
                ROW_PANELS.set(mine);
            });
        }
    });
    COLUMN_PANELS.set(packed);
    out
}
