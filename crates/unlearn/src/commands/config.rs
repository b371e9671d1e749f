//! `unlearn config`

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::sets;
use crate::context::Context;

#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a recipe with every default filled in
    Show {
        /// The recipe; none: the defaults
        #[arg(value_name = "RECIPE")]
        recipe: Option<PathBuf>,
    },
}

impl Config {
    pub fn run(self, context: &Context) -> Result<()> {
        let Action::Show { recipe } = self.action;
        let mut recipe = sets::recipe(context, recipe.as_deref(), Vec::new())?;
        if recipe.method.contains_key("name") {
            recipe.method = unlearn_methods::method(&recipe.method)?.1;
        }
        if context.common.json {
            return context.print(serde_json::to_string_pretty(&recipe)?);
        }
        context.print(recipe.to_toml().trim_end())
    }
}
