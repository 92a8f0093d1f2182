//! Puts the expressions of result columns in the place of their names in a condition, so that a
//! condition may use result columns and input columns alike; result columns win.

use super::references::References;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, visit_expressions_mut};
use std::ops::ControlFlow;

/// The condition in terms of input columns only.
pub(super) fn substituted(mut condition: Expr, references: &References, columns: &[(String, Expr)]) -> Expr {
    let find =
        |name: &str| columns.iter().find(|(column, _)| column == name).map(|(_, expression)| expression);
    let _: ControlFlow<()> = visit_expressions_mut(&mut condition, |expression| {
        let replacement = match expression {
            Expr::Identifier(name) if !references.nested.contains(&name.span) => {
                find(&name.value).map(|column| Expr::Nested(Box::new(column.clone())))
            }
            Expr::CompoundIdentifier(path) => path.split_first().and_then(|(first, rest)| {
                find(&first.value).map(|column| Expr::CompoundFieldAccess {
                    root: Box::new(Expr::Nested(Box::new(column.clone()))),
                    access_chain: rest
                        .iter()
                        .map(|field| AccessExpr::Dot(Expr::Identifier(field.clone())))
                        .collect(),
                })
            }),
            _ => None,
        };
        if let Some(replacement) = replacement {
            *expression = replacement;
        }
        ControlFlow::Continue(())
    });
    condition
}
