//! One test binary: what Caudal promises, tried from outside.

mod answers;
mod end_to_end;
mod house_rules;
mod kill_chaos;
mod support;
mod topology;
