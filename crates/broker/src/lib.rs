//! The trading broker: the port and the paper broker
