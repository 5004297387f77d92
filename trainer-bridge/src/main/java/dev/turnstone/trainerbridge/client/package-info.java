/// The trainer's side of a feed. Start with [FeedClient].
@NullMarked
package dev.turnstone.trainerbridge.client;

import org.jspecify.annotations.NullMarked;
