//! What people read of a run: a self-contained HTML page, and tables for the terminal and for Markdown.
//!
//! A run folder is read into a [`RunView`]; one or several of them make a [`Comparison`], which
//! [`render_html`], [`score_table_text`], [`score_table_markdown`] and [`samples_text`] turn into text.
//! Everything after the reading is a pure function: the same comparison gives the same bytes.

pub mod answers;
pub mod chart;
pub mod comparison;
pub mod diff;
pub mod error;
pub mod gap;
pub mod html;
pub mod measure;
pub mod number;
pub mod p_value;
pub mod page;
pub mod pareto;
pub mod scores;
pub mod summary;
pub mod svg;
pub mod text;
pub mod view;
pub mod visible;

mod lines;

pub use comparison::{Comparison, Role, SubjectColumn};
pub use error::ReportError;
pub use page::render_html;
pub use summary::summary;
pub use text::{samples_text, score_table_markdown, score_table_text};
pub use view::RunView;
