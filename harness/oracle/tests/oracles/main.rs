//! Literal traces and what the oracles say of them: for each clause one trace that passes and
//! one that fails, for each oracle one that cannot be told.

mod builder;

mod alive;
mod converged;
mod deletes;
mod duplicated;
mod expected;
mod honest;
mod invented;
mod judgement;
mod lost_counter;
mod lost_lww;
mod lost_moments;
mod lost_set;
mod lost_version;
mod robust;
mod settled;
