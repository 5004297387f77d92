package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import java.time.Duration;

/// A connection to the feed of a bridge's run, whose writing side runs when the test says so.
final class Peer {
  final RecordingSocket socket = new RecordingSocket();
  final FeedSession session;
  private boolean over;

  Peer(Bridge bridge) {
    session = bridge.found().feed(socket);
  }

  /// Receives these frames and writes what there is to write.
  Peer says(String... frames) throws Exception {
    for (String frame : frames) session.onText(frame.replace('\'', '"'));
    if (over) return this;
    session.awaitWake(Duration.ZERO);
    over = !session.step();
    if (over) session.leave();
    return this;
  }

  Peer hello(String fields) throws Exception {
    return says("{'type':'hello','run':'r','role':'train','consumer':'t'" + fields + "}");
  }

  long epoch() {
    return socket.last(Welcome.class).epoch();
  }
}
