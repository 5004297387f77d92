package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.Excerpt;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.util.LinkedHashMap;
import java.util.Map;

/// A reward computed elsewhere: task and transcript go out, `{"reward":0.5,"parts":{"style":1}}`
/// comes back. Any other answer is a broken environment, never a reward. Its own timeout bounds it,
/// not the session's deadline, because a rollout that ran out of time may still be scored.
final class Verifier implements Scorer {
  private static final int IDEMPOTENT_ATTEMPTS = 3;

  private final RewardEntry.Http entry;
  private final Peers peers;
  private final Peer peer;

  public Verifier(RewardEntry.Http entry, Peers peers) {
    this.entry = entry;
    this.peers = peers;
    this.peer = peers.peer(entry.endpoint(), entry.idempotent() ? IDEMPOTENT_ATTEMPTS : 1);
  }

  @Override
  public Score score(Episode episode) throws EnvironmentLost, InterruptedException {
    ObjectNode body = JsonText.object();
    ObjectNode taskNode = body.putObject("task");
    taskNode.put("id", episode.task().id()).put("environment", episode.task().environment());
    taskNode.set("messages", TranscriptJson.of(episode.task().messages()));
    taskNode.set("data", episode.data());
    body.set("transcript", TranscriptJson.of(episode.transcript()));
    var timeout = entry.endpoint().timeout();
    Deadline deadline =
        Deadline.in(timeout.multipliedBy(IDEMPOTENT_ATTEMPTS + 1L), peers.nanoTime());
    Reply reply =
        peer.send(Peer.Exchange.post("", body.toString(), episode.session()), timeout, deadline);
    if (!(reply instanceof Reply.Answered answer && answer.ok() && answer.whole()))
      throw peer.lost(reply);
    return read(answer.body());
  }

  private Score read(String body) throws EnvironmentLost {
    JsonNode answer;
    try {
      answer = JsonText.read(body);
    } catch (JsonText.Unreadable e) {
      throw peer.lost("answered no JSON: " + e.getMessage());
    }
    double value = finite("reward", answer.path("reward"));
    Map<String, Double> parts = new LinkedHashMap<>();
    if (answer.hasNonNull("parts") && !answer.get("parts").isObject())
      throw peer.lost("answered parts that are not an object");
    for (Map.Entry<String, JsonNode> part : answer.path("parts").properties())
      parts.put(part.getKey(), finite("parts." + part.getKey(), part.getValue()));
    return new Score(value, parts);
  }

  private double finite(String field, JsonNode node) throws EnvironmentLost {
    if (!node.isNumber() || !Double.isFinite(node.doubleValue()))
      throw peer.lost(
          "answered a %s that is not a finite number: %s"
              .formatted(
                  field, Excerpt.ofMiddle(node.isMissingNode() ? "absent" : node.toString(), 100)));
    return node.doubleValue();
  }
}
