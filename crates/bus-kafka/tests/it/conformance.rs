//! Every clause of the contract, on a genuine server.

use crate::rig::OnKafka;

bus::conformance_tests!(OnKafka::new);
