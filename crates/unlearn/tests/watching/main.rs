//! Watching a run, planning one, and running many: as shadow models, too.

mod dry_run;
mod interrupted;
mod shadows;
mod sweep;
mod tiny;
mod watch;
