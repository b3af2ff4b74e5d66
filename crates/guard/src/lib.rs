//! Decisions about time: retry, breaker, rate limit, session calendar, alert suppression
