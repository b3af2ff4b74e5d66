//! The fold of events into orders, positions, cash, profit and exposure
