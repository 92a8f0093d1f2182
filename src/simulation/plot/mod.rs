//! What runs have shown, as pictures: in the terminal and as a page of its own.

pub mod chart;
mod page;
mod shown;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use page::html;
pub use terminal::terminal;
