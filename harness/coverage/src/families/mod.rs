//! The families of situations: each one file, each asked at every entry whether one of its
//! situations is met there.

mod clocks;
mod conflicts;
mod crashes;
mod deletes;
mod disks;
mod hints;
mod identity;
mod limits;
mod resync;
mod rights;
mod users;
mod versions;
mod wire;

use crate::met::Met;
use crate::walk::See;

/// Asks each family.
pub(crate) fn look(see: &See<'_, '_>, met: &mut Met) {
    clocks::look(see, met);
    conflicts::look(see, met);
    crashes::look(see, met);
    deletes::look(see, met);
    disks::look(see, met);
    hints::look(see, met);
    identity::look(see, met);
    limits::look(see, met);
    resync::look(see, met);
    rights::look(see, met);
    users::look(see, met);
    versions::look(see, met);
    wire::look(see, met);
}
