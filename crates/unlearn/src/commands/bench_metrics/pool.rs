//! The models that the metrics have to tell apart, and those that they are judged beside.

use std::path::PathBuf;

use anyhow::Result;
use unlearn_data::world::{Split, World, write_rows};

use crate::commands::demo_world::{EPOCHS, LARGE, Places, SMALL, Size, base_model, learn, training};
use crate::context::Context;

/// Epochs after which a model knows the forget set in part.
const FEW_EPOCHS: f64 = 10.0;

/// The sizes, each with its own models to be judged beside: inner states are compared width by width.
pub const SIZES: [Size; 2] = [LARGE, SMALL];

/// Shadow models of each size.
pub const SHADOWS: usize = 4;

/// What a model learned, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Knowing,
    /// All but the forget set.
    Ignorant,
    /// Everything: others are judged beside it.
    Target,
    /// All but the forget set: others are judged beside it.
    Retrained,
    /// Half of the forget and half of the holdout set, beside all that every model learns.
    Shadow(usize),
}

impl Role {
    fn name(self) -> String {
        match self {
            Self::Knowing => "knowing".into(),
            Self::Ignorant => "ignorant".into(),
            Self::Target => "target".into(),
            Self::Retrained => "retrained".into(),
            Self::Shadow(i) => format!("shadow-{i}"),
        }
    }
}

/// One model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    pub role: Role,
    pub size: Size,
    pub epochs: f64,
    pub seed: u64,
}

impl Model {
    /// Its folder's name.
    pub fn name(&self) -> String {
        let Self { role, size, epochs, seed } = self;
        format!("{}-{}-{epochs}-{seed}", role.name(), size.name)
    }

    /// Trains it, unless that is done.
    pub fn learn(&self, context: &Context, places: &Places, world: &World) -> Result<()> {
        let name = self.name();
        let base = places.root.join("bases").join(&name);
        if !base.exists() {
            base_model(context, world, self.size, self.seed)?.save(&base)?;
        }
        let data = match self.role {
            Role::Knowing | Role::Target => places.all(),
            Role::Ignorant | Role::Retrained => places.kept(),
            Role::Shadow(i) => [vec![half(places, i)], places.kept()].concat(),
        };
        learn(context, base, data, training(self.epochs), self.seed, &places.output(&self.trained(), true))
    }

    fn trained(&self) -> String {
        format!("models/{}", self.name())
    }

    /// Its checkpoint.
    pub fn path(&self, places: &Places) -> PathBuf {
        places.run(&self.trained()).model()
    }
}

/// `n` models of each kind, of alternating sizes and lengths of training, each from first weights and an order of rows
/// of its own.
pub fn models(n: usize, seed: u64) -> [Vec<Model>; 2] {
    [(Role::Knowing, 1000), (Role::Ignorant, 2000)].map(|(role, first)| {
        let of = |i: usize| Model {
            role,
            size: SIZES[i % 2],
            epochs: [EPOCHS, FEW_EPOCHS][i / 2 % 2],
            seed: seed.wrapping_add(first + i as u64),
        };
        (0..n).map(of).collect()
    })
}

/// The target and the retrained model of a size.
pub fn beside(size: Size, seed: u64) -> [Model; 2] {
    [Role::Target, Role::Retrained].map(|role| Model { role, size, epochs: EPOCHS, seed })
}

/// The shadow models of a size.
pub fn shadows(size: Size, seed: u64) -> [Model; SHADOWS] {
    std::array::from_fn(|i| Model {
        role: Role::Shadow(i),
        size,
        epochs: EPOCHS,
        seed: seed.wrapping_add(3000 + i as u64),
    })
}

/// The file with the rows that a shadow model learns and others do not.
fn half(places: &Places, shadow: usize) -> PathBuf {
    places.root.join("data").join(format!("half-{shadow}.jsonl"))
}

/// Writes what the shadow models learn: of two in a row, one learns what the other does not, each time another half.
pub fn write_halves(places: &Places, world: &World) -> Result<()> {
    for shadow in 0..SHADOWS {
        let rows = [Split::Forget, Split::Holdout].map(|split| world.rows(split));
        let learned = |i: usize| (i >> (shadow / 2)) % 2 == shadow % 2;
        let chosen =
            rows.iter().flat_map(|rows| rows.iter().enumerate().filter(|(i, _)| learned(*i)).map(|(_, row)| row));
        write_rows(&half(places, shadow), chosen)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unlearn_data::world::WorldConfig;

    use super::*;

    #[test]
    fn no_two_models_are_the_same_and_more_models_leave_the_first_ones_alone() {
        let [knowing, ignorant] = models(8, 3);
        let besides = SIZES.map(|size| beside(size, 3)).concat();
        let shadows = SIZES.map(|size| shadows(size, 3)).concat();
        let all: Vec<Model> = [knowing.clone(), ignorant, besides, shadows].concat();
        let names: BTreeSet<String> = all.iter().map(Model::name).collect();
        let seeds: BTreeSet<u64> = all.iter().map(|m| m.seed).collect();
        // Target and retrained models share first weights, as the demo's do; shadow models of two sizes cannot.
        assert_eq!((names.len(), seeds.len()), (28, 16 + 1 + SHADOWS));
        assert_eq!(models(3, 3)[0], knowing[..3]);
        let kinds: BTreeSet<String> = knowing.iter().map(|m| format!("{} {}", m.size.name, m.epochs)).collect();
        assert_eq!(kinds.len(), 4);
    }

    #[test]
    fn every_row_is_learned_by_half_of_the_shadow_models() {
        let world = World::build(&WorldConfig::default()).expect("a world");
        let dir = tempfile::tempdir().expect("a scratch folder");
        let places = Places::new(dir.path()).expect("a path");
        std::fs::create_dir(dir.path().join("data")).expect("a folder");
        write_halves(&places, &world).expect("written");
        let text: String = (0..SHADOWS).map(|i| std::fs::read_to_string(half(&places, i)).expect("a file")).collect();
        let rows = world.rows(Split::Forget).iter().chain(world.rows(Split::Holdout));
        for row in rows {
            let line = format!("\"question\":\"{}\",", row.question);
            assert_eq!(text.matches(&line).count(), SHADOWS / 2, "{line}");
        }
    }
}
