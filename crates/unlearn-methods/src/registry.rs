//! The list of methods, and making one from a recipe's `[method]`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};
use unlearn_core::registry::{self, Named};
use unlearn_data::{Guard, Row};
use unlearn_engine::edit::Edit;
use unlearn_engine::train::Objective;

use crate::MethodError;

/// One method.
pub struct Entry {
    /// Its name: file stem (with `-` for `_`), TOML key, what the user types.
    pub name: &'static str,
    /// What kind of method it is: `objective`, `edit` or `guard`.
    pub kind: &'static str,
    /// Its page in the manual, as Markdown.
    pub page: &'static str,
    /// Its default configuration.
    pub defaults: fn() -> Table,
    /// Makes it from a configuration without `name`.
    pub make: fn(&Table) -> Result<Made, MethodError>,
}

/// A method, ready for use.
pub enum Made {
    /// A loss that is trained.
    Objective(Box<dyn Objective>),
    /// Weights changed otherwise.
    Edit(Box<dyn Edit>),
    /// Weights left as they are, with something before them.
    Guard(Box<dyn Guarding>),
}

/// A method that changes no weight: what it makes works at inference, on questions and answers.
pub trait Guarding {
    /// The guard for what is to be forgotten, that lets through what is to be kept.
    ///
    /// # Errors
    /// When a forget row gives it nothing to look for.
    fn guard(&self, forget: &[Row], retain: &[Row]) -> Result<Guard, MethodError>;
}

impl Named for Entry {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl Entry {
    const fn of<M: Method + Objective>() -> Self {
        let make = |own: &Table| Ok(Made::Objective(Box::new(configured::<M>(own)?)));
        Self { name: M::NAME, kind: "objective", page: M::PAGE, defaults: defaults::<M>, make }
    }

    const fn edit<M: Method + Edit>() -> Self {
        let make = |own: &Table| Ok(Made::Edit(Box::new(configured::<M>(own)?)));
        Self { name: M::NAME, kind: "edit", page: M::PAGE, defaults: defaults::<M>, make }
    }

    const fn guard<M: Method + Guarding>() -> Self {
        let make = |own: &Table| Ok(Made::Guard(Box::new(configured::<M>(own)?)));
        Self { name: M::NAME, kind: "guard", page: M::PAGE, defaults: defaults::<M>, make }
    }
}

/// Every method, in the order in which they are listed.
pub static METHODS: &[Entry] = &[
    Entry::of::<crate::grad_ascent::GradAscent>(),
    Entry::of::<crate::grad_diff::GradDiff>(),
    Entry::of::<crate::npo::Npo>(),
    Entry::of::<crate::sim_npo::SimNpo>(),
    Entry::of::<crate::llmu::Llmu>(),
    Entry::of::<crate::idk_nll::IdkNll>(),
    Entry::of::<crate::idk_dpo::IdkDpo>(),
    Entry::of::<crate::dpo::Dpo>(),
    Entry::of::<crate::alt_po::AltPo>(),
    Entry::of::<crate::alt_npo::AltNpo>(),
    Entry::of::<crate::wga::Wga>(),
    Entry::of::<crate::tnpo::Tnpo>(),
    Entry::of::<crate::sat_imp::SatImp>(),
    Entry::of::<crate::ce_u::CeU>(),
    Entry::of::<crate::undial::Undial>(),
    Entry::of::<crate::pdu::Pdu>(),
    Entry::of::<crate::flat::Flat>(),
    Entry::of::<crate::me_gd::MeGd>(),
    Entry::of::<crate::idk_ap::IdkAp>(),
    Entry::of::<crate::jens_un::JensUn>(),
    Entry::of::<crate::rmu::Rmu>(),
    Entry::of::<crate::adaptive_rmu::AdaptiveRmu>(),
    Entry::of::<crate::circuit_breaker::CircuitBreaker>(),
    Entry::of::<crate::rep_noise::RepNoise>(),
    Entry::of::<crate::elm::Elm>(),
    Entry::edit::<crate::task_vector::TaskVector>(),
    Entry::edit::<crate::whp::Whp>(),
    Entry::edit::<crate::cir::Cir>(),
    Entry::edit::<crate::rep_select::RepSelect>(),
    Entry::edit::<crate::merge::Merge>(),
    Entry::guard::<crate::guardrail::Guardrail>(),
];

/// A method's own part of the registry.
pub(crate) trait Method: Default + Serialize + DeserializeOwned + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Its page in the manual.
    const PAGE: &'static str;

    /// Refuses values that make no sense.
    fn check(&self) -> Result<(), MethodError>;
}

/// The entry of a method.
///
/// # Errors
/// When there is none of this name.
pub fn entry(name: &str) -> Result<&'static Entry, MethodError> {
    Ok(registry::find("method", METHODS, name)?)
}

/// The method that a recipe's `[method]` asks for, and its configuration with every default filled in.
///
/// # Errors
/// When there is no such method, or a field is unknown, of the wrong type or out of range.
pub fn method(method: &Table) -> Result<(Made, Table), MethodError> {
    let name = method.get("name").and_then(Value::as_str).unwrap_or_default();
    let entry = entry(name)?;
    let mut own = method.clone();
    own.remove("name");
    let made = (entry.make)(&own)?;
    let mut resolved = (entry.defaults)();
    resolved.extend(own);
    resolved.insert("name".into(), name.into());
    Ok((made, resolved))
}

fn defaults<M: Method>() -> Table {
    Table::try_from(M::default()).unwrap_or_default()
}

fn configured<M: Method>(own: &Table) -> Result<M, MethodError> {
    // A method's own defaults go first: parts that methods share have other ones.
    let mut whole = defaults::<M>();
    let fields: Vec<String> = whole.keys().cloned().collect();
    if let Some(field) = own.keys().find(|k| !fields.contains(k)) {
        return Err(MethodError::UnknownField { method: M::NAME, field: field.clone(), fields });
    }
    whole.extend(own.clone());
    let configured: Result<M, _> = whole.try_into();
    let method = configured.map_err(|e| MethodError::Configure { method: M::NAME, fields, source: Box::new(e) })?;
    method.check()?;
    Ok(method)
}
