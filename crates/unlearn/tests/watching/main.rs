//! Watching a run, planning one, and running many.

mod dry_run;
mod interrupted;
mod sweep;
mod tiny;
mod watch;
