mod encoding;
mod writing;
