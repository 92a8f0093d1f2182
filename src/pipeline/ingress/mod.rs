//! HTTP in: a listener, a balancer, and a pool of collectors that parse, check and append.

mod answer;
mod balancer;
mod body_parser;
mod collector;
mod door;
mod encoding;
mod field;
mod gate;
mod group;
mod health;
mod intake;
mod key;
mod once;
mod pool;
mod prepare;
mod pretreatment;
mod reply;
mod section;
mod stage;
mod values;

pub use body_parser::BodyParser;
pub use door::Door;
pub use pretreatment::ConditionError;
pub use section::{Balance, Check, IngressSection, Targets};
pub use stage::{IngressError, IngressStage};

use reply::Reply;

#[cfg(test)]
mod tests;
