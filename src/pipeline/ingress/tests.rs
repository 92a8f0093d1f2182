//! An ingress over real sockets and a real store.

mod accepting;
mod collecting;
mod daemon;
mod overload;
mod pooling;
mod refusing;
mod repeating;
mod resharding;
mod taking_over;
