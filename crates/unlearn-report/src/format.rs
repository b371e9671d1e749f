//! The forms in which a report is written to a file.

use std::path::Path;

use crate::attempts_csv::render_attacks_csv;
use crate::comparison::Comparison;
use crate::csv::render_csv;
use crate::error::ReportError;
use crate::markdown::render_markdown;
use crate::page::render_html;

/// A form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The page.
    Html,
    /// Verdict and tables.
    Markdown,
    /// Every score, one a line.
    Csv,
    /// What came back under attack, one attempt a line.
    AttacksCsv,
}

impl Format {
    /// The form that a file's name asks for.
    ///
    /// # Errors
    /// When the name's end is none of those known.
    pub fn of(path: &Path) -> Result<Self, ReportError> {
        let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase());
        if name.is_some_and(|name| name.ends_with("attacks.csv")) {
            return Ok(Self::AttacksCsv);
        }
        let end = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match end.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("md") => Ok(Self::Markdown),
            Some("csv") => Ok(Self::Csv),
            _ => Err(ReportError::Format { path: path.to_owned() }),
        }
    }

    /// The comparison in this form.
    pub fn render(self, comparison: &Comparison) -> String {
        match self {
            Self::Html => render_html(comparison),
            Self::Markdown => render_markdown(comparison),
            Self::Csv => render_csv(comparison),
            Self::AttacksCsv => render_attacks_csv(comparison),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_form() {
        let of = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(["a.html", "b/c.HTM"].map(of), [Some(Format::Html); 2]);
        assert_eq!(["a.md", "a.csv"].map(of), [Some(Format::Markdown), Some(Format::Csv)]);
        assert_eq!(["attacks.csv", "b/npo.Attacks.csv"].map(of), [Some(Format::AttacksCsv); 2]);
        assert_eq!(["a", "a.pdf", ".html", ""].map(of), [None; 4]);
        let error = Format::of(Path::new("a.pdf")).expect_err("no such form");
        assert_eq!(error.to_string(), "`a.pdf` does not say what kind of report to write");
        assert!(error.hint().is_some_and(|h| h.contains("`.csv`")));
    }
}
