/// The server's side of a feed: what outlives connections ([RunFeed]), one connection
/// ([FeedSession]), and what goes out at each seq ([FeedDeliveries]).
@NullMarked
package dev.turnstone.trainerbridge.feed;

import org.jspecify.annotations.NullMarked;
