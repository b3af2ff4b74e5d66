//! Bus to broker and back, one fenced instance per account
