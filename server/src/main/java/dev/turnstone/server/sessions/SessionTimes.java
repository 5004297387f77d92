package dev.turnstone.server.sessions;

import java.time.Duration;

/// How long sessions wait, and how many there may be.
///
/// @param retryGrace for a retry after a connection was lost
/// @param reward for the reward after a session was finished
/// @param maxSessions that clients may have open at once
public record SessionTimes(Duration retryGrace, Duration reward, int maxSessions) {}
