//! Every clause of the contract, on the genuine server.

mod alone {
    use crate::rig::OnNats;
    bus::conformance_tests!(OnNats::new);
}

mod beside_others {
    use crate::rig::OnNats;
    bus::conformance_tests!(OnNats::shared_with_others);
}
