package dev.turnstone.envadapters.nemogym;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.time.Duration;
import java.util.function.LongSupplier;

/// One rollout's requests to a NeMo Gym server, with cookies of their own.
final class GymPeer {
  private static final int REPEATABLE_ATTEMPTS = 3;

  private final ToolEntry.NemoGym entry;
  private final Peer peer;
  private final String session;
  private final LongSupplier nanoTime;

  GymPeer(ToolEntry.NemoGym entry, Host host, String session) {
    this.entry = entry;
    this.session = session;
    this.nanoTime = host.peers().nanoTime();
    this.peer =
        host.peers()
            .peerWithCookies(
                entry.endpoint(), entry.rules().idempotent() ? REPEATABLE_ATTEMPTS : 1);
  }

  ToolEntry.NemoGym entry() {
    return entry;
  }

  /// A request whose answer must be JSON.
  JsonNode post(String route, JsonNode body, Deadline deadline)
      throws EnvironmentLost, InterruptedException {
    Reply reply = send(route, body, deadline);
    if (!(reply instanceof Reply.Answered answer && answer.ok() && answer.whole()))
      throw peer.lost(reply);
    try {
      return JsonText.read(answer.body());
    } catch (JsonText.Unreadable e) {
      throw peer.lost("answered /%s with no JSON: %s".formatted(route, e.getMessage()));
    }
  }

  Reply send(String route, JsonNode body, Deadline deadline)
      throws EnvironmentLost, InterruptedException {
    return peer.send(
        Peer.Exchange.post(route, body.toString(), session), entry.endpoint().timeout(), deadline);
  }

  /// Scoring has a time of its own: a rollout that ran out of it may still be scored.
  Deadline scoringDeadline() {
    Duration time = entry.endpoint().timeout().multipliedBy(REPEATABLE_ATTEMPTS);
    return Deadline.in(time, nanoTime);
  }

  EnvironmentLost lost(String what) {
    return peer.lost(what);
  }

  EnvironmentLost lost(Reply reply) {
    return peer.lost(reply);
  }
}
