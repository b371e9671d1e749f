//! What people read of a run: a self-contained HTML page, and tables for the terminal and for Markdown.
//!
//! A run folder is read into a [`RunView`]; one or several of them make a [`Comparison`], which a [`Format`] turns into
//! a file, and [`verdict_text()`], [`score_table_text`] and [`samples_text`] into what the terminal shows.
//! Everything after the reading is a pure function: the same comparison gives the same bytes.

pub mod answers;
pub mod attempts;
pub mod attempts_csv;
pub mod chart;
pub mod comparison;
pub mod csv;
pub mod diff;
pub mod error;
pub mod format;
mod gap;
pub mod html;
pub mod judgement;
pub mod markdown;
pub mod measure;
pub mod number;
pub mod p_value;
pub mod page;
pub mod pareto;
pub mod runs;
pub mod scope;
pub mod scores;
pub mod seeds;
pub mod summary;
pub mod svg;
pub mod text;
pub mod verdict_text;
pub mod view;
pub mod visible;

mod judged;
mod lines;

pub use attempts_csv::render_attacks_csv;
pub use comparison::{Comparison, Role, SubjectColumn};
pub use csv::render_csv;
pub use error::ReportError;
pub use format::Format;
pub use markdown::{render_markdown, score_table_markdown};
pub use page::render_html;
pub use summary::summary;
pub use text::{samples_text, score_table_text};
pub use verdict_text::verdict_text;
pub use view::RunView;
