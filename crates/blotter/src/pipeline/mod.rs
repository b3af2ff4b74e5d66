//! The path of one event, assembled: ingress, tasks, gateway, broker, log, journal.

