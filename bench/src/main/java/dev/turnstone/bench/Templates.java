package dev.turnstone.bench;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.chat.ChatTemplate;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Microseconds to render a conversation with a model folder's chat template.
final class Templates implements Benchmark {
  private static final int WARM_UP = 20_000;
  private static final int ROUNDS = 200;
  private static final int RENDERS = 50;
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 7, 9, 13, 5);
  private static final ToolSpec PYTHON =
      new ToolSpec(
          "python",
          "Runs a Python program and returns what it prints.",
          new Json(
              """
              {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}\
              """));

  @Override
  public String name() {
    return "templates";
  }

  @Override
  public String summary() {
    return "microseconds to render conversations; [DIR of a model, else models/tiny]";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (arguments.size() > 1)
      throw new IllegalArgumentException("takes one folder, but got " + arguments);
    Path folder =
        arguments.isEmpty()
            ? Path.of(System.getProperty("turnstone.home", "."), "models", "tiny")
            : Path.of(arguments.getFirst());
    ChatTemplate template = ChatTemplate.load(folder);
    ObjectNode result = JsonNodeFactory.instance.objectNode();
    result.set("question", measured(template, conversation(0), List.of()));
    result.set("typical", measured(template, conversation(2), List.of(PYTHON)));
    result.set("twenty_turns", measured(template, conversation(20), List.of(PYTHON)));
    return result;
  }

  /// A question, and turns of a tool call, its result and an answer with the next question.
  private static List<Message> conversation(int turns) {
    var messages = new ArrayList<Message>();
    messages.add(new Message.System("You are a helpful assistant. Think before you answer."));
    messages.add(new Message.User("What is 482 * 917, and is it more than half a million?"));
    for (int turn = 0; turn < turns; turn++) {
      var call =
          new ToolCall("call_" + turn, "python", new Json("{\"code\": \"print(482 * 917)\"}"));
      messages.add(new Message.Assistant("", List.of(call)));
      messages.add(new Message.Tool("call_" + turn, "python", "441994"));
      messages.add(new Message.Assistant("It is 441994, which is less.", List.of()));
      messages.add(new Message.User("And if the second number were " + turn + " more?"));
    }
    return messages;
  }

  private static ObjectNode measured(
      ChatTemplate template, List<Message> messages, List<ToolSpec> tools) {
    String text = template.render(messages, tools, true, NOW);
    for (int i = 0; i < WARM_UP / messages.size(); i++) template.render(messages, tools, true, NOW);
    double[] micros = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      long started = System.nanoTime();
      for (int i = 0; i < RENDERS; i++)
        if (template.render(messages, tools, true, NOW).length() != text.length())
          throw new IllegalStateException("rendered something else");
      micros[round] = (System.nanoTime() - started) / 1e3 / RENDERS;
    }
    Arrays.sort(micros);
    return JsonNodeFactory.instance
        .objectNode()
        .put("messages", messages.size())
        .put("characters", text.length())
        .put("median_us", Math.round(micros[ROUNDS / 2] * 10) / 10.0)
        .put("best_us", Math.round(micros[0] * 10) / 10.0);
  }
}
