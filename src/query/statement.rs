//! What may be asked: statements that read.

use super::trouble::Trouble;
use datafusion::sql::{
    parser::{DFParser, Statement},
    sqlparser::{ast::Statement as Sql, dialect::GenericDialect},
};

/// A statement that only reads.
pub enum Asked {
    /// `show tables`
    Tables,
    Query(Box<Statement>),
}

impl Asked {
    /// # Errors
    /// When the text is no SQL, more than one statement, or would change something.
    pub fn read(sql: &str) -> Result<Self, Trouble> {
        let parsed = DFParser::parse_sql_with_dialect(sql, &GenericDialect {});
        let mut statements = parsed.map_err(|error| Trouble::of(error, sql))?;
        let (Some(statement), None) = (statements.pop_front(), statements.pop_front()) else {
            return Err(Trouble::Refused(
                "give one statement, such as select count(*) from raw.bronze".to_owned(),
            ));
        };
        match &statement {
            Statement::Statement(inner) => match &**inner {
                Sql::ShowTables { .. } => Ok(Self::Tables),
                Sql::Query(_) | Sql::Explain { .. } | Sql::ExplainTable { .. } => {
                    Ok(Self::Query(Box::new(statement)))
                }
                _ => Err(refused(&statement)),
            },
            Statement::Explain(explained) if matches!(&*explained.statement, Statement::Statement(_)) => {
                Ok(Self::Query(Box::new(statement)))
            }
            _ => Err(refused(&statement)),
        }
    }
}

fn refused(statement: &Statement) -> Trouble {
    let text = statement.to_string();
    let verb = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    Trouble::Refused(format!(
        "{verb} is not answered: queries only read (select, with, explain, describe, show tables)"
    ))
}
