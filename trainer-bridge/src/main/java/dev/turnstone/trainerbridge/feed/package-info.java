/// The server's side of a feed: what outlives connections ([RunFeed]), one connection
/// ([FeedSession]), and what bounds the groups on their way ([Admission]).
@NullMarked
package dev.turnstone.trainerbridge.feed;

import org.jspecify.annotations.NullMarked;
