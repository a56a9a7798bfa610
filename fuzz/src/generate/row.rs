//! A row: one way to make an expression or a statement.
//!
//! A row states the feature it belongs to, its weight, the classes of wanted types it can make, and
//! a function. The function gets the wanted type and returns an expression whose type matches it.
//! If the module has nothing suitable, it returns `None`, and another row is drawn. Rows of
//! statements have the class [`STMT`](super::classes::STMT) and ignore the wanted type.

use super::classes::Classes;
use super::generator::Gen;
use super::swarm::Feature;
use crate::program::{Expr, Ty};

/// One way to make an expression or a statement.
#[derive(Debug)]
pub(super) struct Row {
    /// The feature it needs, whose weight is multiplied with the row's own.
    pub feature: Feature,
    /// Weight among the rows of the same class.
    pub weight: u32,
    /// The classes of types that it can make.
    pub classes: Classes,
    /// Makes an expression, or returns `None` if the module has nothing suitable.
    pub make: fn(&mut Gen<'_>, Ty) -> Option<Expr>,
}
