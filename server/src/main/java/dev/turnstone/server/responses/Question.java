package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.openai.ConstraintFields;
import dev.turnstone.server.openai.RenderingFields;
import dev.turnstone.server.openai.SamplingFields;
import dev.turnstone.server.openai.ToolChoice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// What a response is to answer.
///
/// @param said the conversation without instructions
/// @param frame instructions and tools
record Question(Ask ask, List<Message> said, String frame) {
  /// Reads a body that fits the contract, after the response that it goes on from.
  static Question read(JsonNode body, Optional<Stored> previous, Served served) {
    List<Message> before = previous.map(Stored::said).orElse(List.of());
    List<Message> fresh = Items.read(body.path("input"), before);
    if (before.isEmpty() && fresh.isEmpty()) throw Refused.bad("input is empty", "input");
    List<ToolSpec> tools = Items.tools(body.path("tools"));
    String instructions = body.path("instructions").asText("");
    String frame = instructions + '\0' + Wire.text(body.path("tools"));
    List<Message> said = new ArrayList<>(before);
    said.addAll(fresh);
    Tokens prompt =
        previous
            .filter(stored -> stored.frame().equals(frame) && follows(fresh))
            .map(stored -> goOn(stored, fresh, tools, rendering(body), served))
            .orElseGet(() -> served.prompt(framed(instructions, said), tools, rendering(body)));
    return new Question(ask(body, prompt, said, tools, served), said, frame);
  }

  private static Rendering rendering(JsonNode body) {
    return new Rendering(
        true, false, RenderingFields.effort(body.at("/reasoning/effort")), Optional.empty());
  }

  /// Whether the policy can read the messages right after its own.
  private static boolean follows(List<Message> fresh) {
    return !fresh.isEmpty()
        && fresh.stream()
            .noneMatch(m -> m instanceof Message.Assistant || m instanceof Message.System);
  }

  /// What the policy read and wrote stays as it was; only what is new is encoded.
  private static Tokens goOn(
      Stored stored,
      List<Message> fresh,
      List<ToolSpec> tools,
      Rendering rendering,
      Served served) {
    try {
      return stored
          .held()
          .plus(served.format().suffix(stored.held(), fresh, tools, rendering.variables()));
    } catch (IllegalArgumentException e) {
      throw Refused.bad("the chat template refuses the input: " + e.getMessage(), "input");
    }
  }

  private static List<Message> framed(String instructions, List<Message> said) {
    if (instructions.isEmpty() || instructions.equals("null")) return said;
    List<Message> all = new ArrayList<>(List.of(new Message.System(instructions)));
    all.addAll(said);
    return all;
  }

  private static Ask ask(
      JsonNode body, Tokens prompt, List<Message> said, List<ToolSpec> tools, Served served) {
    boolean readCalls = !body.path("tool_choice").asText("").equals("none");
    Reading reading =
        new Reading.Message(
            readCalls ? tools : List.of(),
            (int) said.stream().filter(Message.Assistant.class::isInstance).count(),
            !body.path("parallel_tool_calls").asBoolean(true),
            true);
    int room = served.room(prompt, "input");
    int bound = Math.min(body.path("max_output_tokens").asInt(Integer.MAX_VALUE), room);
    JsonNode format = Wire.JSON.createObjectNode().set("response_format", body.at("/text/format"));
    Ask ask =
        new Ask(
                prompt,
                SamplingFields.sampling(body, served),
                1,
                bound,
                SamplingFields.ends(body),
                reading)
            .withScores(new Scores(body.path("top_logprobs").asInt(0), OptionalInt.empty()))
            .withConstraint(ConstraintFields.read(format))
            .withCacheSalt(SamplingFields.salt(body))
            .withLogprobs(ResponseJson.logprobs(body));
    return served.forced(
        ask,
        ToolChoice.of(body.path("tool_choice"), tools),
        body.path("parallel_tool_calls").asBoolean(true));
  }

  /// The conversation with its answer, to be gone on from.
  Stored answered(ObjectNode response, JsonNode input, Choice choice) {
    List<Message> all = new ArrayList<>(said);
    all.add(new Message.Assistant(choice.content(), choice.calls(), choice.reasoning()));
    int[] ids = choice.tokens().stream().mapToInt(Choice.Token::id).toArray();
    Tokens held = choice.ask().prompt().plus(Tokens.of(ids));
    return new Stored(response, input, all, held, frame, Optional.empty());
  }
}
