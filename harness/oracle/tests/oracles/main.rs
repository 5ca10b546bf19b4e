//! Literal traces and what the oracles say of them: for each clause one trace that passes and
//! one that fails, for each oracle one that cannot be told.

mod builder;

mod alerted;
mod alive;
mod anew;
mod available;
mod bounded;
mod converged;
mod damage;
mod deletes;
mod duplicated;
mod expected;
mod honest;
mod honest_restarts;
mod honest_stale;
mod intact;
mod invented;
mod judgement;
mod justified;
mod leaked;
mod leaked_disks;
mod lost_counter;
mod lost_lww;
mod lost_moments;
mod lost_set;
mod lost_version;
mod monotonic;
mod polite;
mod robust;
mod rules;
mod settled;
mod step_up;
mod undo;
mod users;
