//! Event-sourced message bus for trading agents
