package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import java.util.List;
import java.util.Map;

/// Short conversations that end in an answer.
final class Episodes {
  private Episodes() {}

  static List<Message> transcript(String answer) {
    return List.of(new Message.User("2+2?"), new Message.Assistant(answer, List.of()));
  }

  static Episode answered(String data, String answer) {
    return answered(JsonText.readOwn(new Json(data.replace('\'', '"'))), answer);
  }

  static Episode answered(JsonNode data, String answer) {
    Task task = new Task("g-1", List.of(new Message.User("2+2?")), "e", new Json(data.toString()));
    return new Episode(
        task,
        data,
        transcript(answer),
        "s",
        List.of(0.5, 0.25),
        () -> new Scorer.Score(0.75, Map.of("style", 1.0)));
  }
}
