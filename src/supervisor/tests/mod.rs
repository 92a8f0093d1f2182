//! The control plane end to end, over stages that only keep a diary and pools that work off a desk.

mod changing;
mod chaos;
mod crew;
mod posting;
mod refreshing;
mod remembering;
mod rig;
mod running;
mod scaling;
mod showing;

use super::*;
use crew::{Crew, Desk, Mischief};
use rig::{Rig, System, answer, parts, request};
