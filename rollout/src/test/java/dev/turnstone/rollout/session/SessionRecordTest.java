package dev.turnstone.rollout.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.ByteChatFormat;
import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Invariants;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionRecordTest {
  private static final List<ToolSpec> TOOLS =
      List.of(new ToolSpec("python", "", new Json("{\"type\": \"object\"}")));

  private final SessionRecord record = new SessionRecord(new ByteChatFormat());
  private final List<Message> history = new ArrayList<>(List.of(new Message.User("one")));

  /// What the engine saw: the whole prompt of a turn and what it sampled.
  private record Seen(Tokens prompt, Tokens sampled) {}

  private final List<Seen> seen = new ArrayList<>();

  @Test
  void aHistoryThatGrowsIsOneRow() {
    say("two");
    hear(new Message.User("three"));
    assertThat(say("four").match()).isEqualTo(Match.CLEAN);

    assertThat(record.rows()).hasSize(1);
    Row row = record.rows().getFirst();
    assertThat(row.ids()).isEqualTo(seen.getLast().prompt().plus(seen.getLast().sampled()));
    assertThat(row.trainable())
        .isEqualTo(seen.stream().mapToInt(s -> s.sampled().size()).sum())
        .isEqualTo(4 + 5);
    assertThat(Invariants.violation(row)).isEmpty();
    assertThat(row.flags()).isEmpty();
  }

  @Test
  void aCallThatTheTemplateRefusedBeganNothing() {
    Rendering refused = new Rendering(false, false, Map.of(), Optional.empty());
    assertThatThrownBy(() -> record.begin(history, TOOLS, refused))
        .hasMessageContaining("in one way only");

    assertThat(record.begin(history, TOOLS).match()).isEqualTo(Match.CLEAN);
  }

  @Test
  void callsThatFollowOneAnotherAreOneConversationAndOthersHaveTheirOwn() {
    Continuation first = record.begin(history, TOOLS);
    record.accept(first, generation(ByteChatFormat.ids("two")), Sampling.FULL, said("two"));
    hear(new Message.Assistant("two", List.of()), new Message.User("three"));
    Continuation next = record.begin(history, TOOLS);
    Continuation parallel = record.begin(history, TOOLS);
    Continuation again = record.again(next);
    Continuation apart = record.begin(List.of(new Message.User("other")), List.of());

    assertThat(List.of(first.row(), next.row(), parallel.row(), again.row(), apart.row()))
        .containsExactly(0, 0, 1, 2, 3);
    assertThat(record.conversations()).isEqualTo(4);
  }

  @Test
  void aTranscriptHasLongMessagesAsTheyWereTold() {
    SessionRecord session = new SessionRecord(new ByteChatFormat());
    String text = "a long observation with \u00e9 and \ud83d\ude42. ".repeat(400);
    List<Message> told =
        List.of(
            new Message.System(text),
            new Message.User("short"),
            new Message.Assistant(text, List.of(), "hm"),
            new Message.Tool("c", "python", text),
            new Message.User(text + "\ud83d"));
    Continuation call = session.begin(told, TOOLS);
    session.accept(call, generation(ByteChatFormat.ids("two")), Sampling.FULL, said("two"));
    List<Message> all = new ArrayList<>(told);
    all.add(said("two"));
    assertThat(session.summary().transcript()).isEqualTo(all);
  }

  @Test
  void aTurnThatAStreamToldOtherwiseIsFoundAgainEitherWay() {
    Message.Assistant heard =
        new Message.Assistant("two", List.of(new ToolCall("c", "python", new Json("{\"a\": "))));
    for (Message.Assistant sentBack : List.of(said("two"), heard)) {
      SessionRecord session = new SessionRecord(new ByteChatFormat());
      Continuation first = session.begin(history, TOOLS);
      session.accept(
          first,
          generation(ByteChatFormat.ids("two")),
          Sampling.FULL,
          said("two"),
          Optional.of(heard));
      List<Message> resent = new ArrayList<>(history);
      resent.add(sentBack);
      resent.add(new Message.User("three"));
      Continuation next = session.begin(resent, TOOLS);
      assertThat(next.match()).isEqualTo(Match.CLEAN);
      assertThat(next.previous()).hasValue(0);
    }
  }

  @Test
  void aMessageThatTheClientBeganIsOneTurnWithWhatThePolicyAdds() {
    say("two");
    Rendering continued = new Rendering(false, true, Map.of(), Optional.empty());
    SessionRecord rendering = new SessionRecord(new Continuing());
    List<Message> begun =
        List.of(new Message.User("one"), new Message.Assistant("it is ", List.of()));
    Continuation call = rendering.begin(begun, TOOLS, continued);
    rendering.accept(call, generation(ByteChatFormat.ids("two")), Sampling.FULL, said("two"));

    List<Message> resent =
        List.of(
            new Message.User("one"),
            new Message.Assistant("it is two", List.of()),
            new Message.User("three"));
    assertThat(rendering.begin(resent, TOOLS).match()).isEqualTo(Match.CLEAN);
    assertThat(rendering.begin(begun, TOOLS, continued).match().flag()).contains("rendering");
  }

  /// Renders as it is told to.
  private static final class Continuing implements ChatFormat {
    private final ByteChatFormat bytes = new ByteChatFormat();

    @Override
    public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
      return bytes.prompt(messages, tools);
    }

    @Override
    public Tokens prompt(List<Message> messages, List<ToolSpec> tools, Rendering rendering) {
      return bytes.prompt(messages, tools);
    }

    @Override
    public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
      return bytes.suffix(held, messages, tools);
    }

    @Override
    public String text(Tokens generated) {
      return bytes.text(generated);
    }

    @Override
    public Set<Integer> stopIds() {
      return bytes.stopIds();
    }
  }

  @Test
  void heldIdsAreNeverRenderedAgain() {
    // A tokenizer would encode this otherwise than the policy sampled it.
    Continuation call = record.begin(history, TOOLS);
    Tokens odd = Tokens.of('t', 'w', 300, ByteChatFormat.END);
    record.accept(call, generation(odd), Sampling.FULL, said("two"));
    hear(new Message.Assistant("two", List.of()), new Message.User("three"));
    assertThat(record.begin(history, TOOLS).prompt().startsWith(call.prompt().plus(odd))).isTrue();
  }

  @Test
  void whatClientsChangeOnTheirWayDoesNotCount() {
    Continuation call = record.begin(history, TOOLS);
    Json arguments = new Json("{\"a\": [1, \"é\\n\"], \"b\": \"x y\"}");
    Message.Assistant said =
        new Message.Assistant(
            "well \n", List.of(new ToolCall("call_0_0", "python", arguments)), "hm");
    record.accept(call, generation(ByteChatFormat.ids("x")), Sampling.FULL, said);
    Json resent = new Json("{\"a\":[1,\"\\u00e9\\n\"],\"b\":\"x y\"}");
    hear(
        new Message.Assistant("well", List.of(new ToolCall("other", "python", resent))),
        new Message.Tool("other", "python", "4"));
    assertThat(record.begin(history, TOOLS).match()).isEqualTo(Match.CLEAN);
  }

  @Test
  void anEditedTurnKeepsTheTokensBeforeIt() {
    say("two");
    hear(new Message.User("three"));
    say("four");
    List<Message> edited = new ArrayList<>(history);
    edited.set(3, new Message.Assistant("FOUR", List.of()));
    edited.add(new Message.User("five"));
    Continuation call = record.begin(edited, TOOLS);
    assertThat(call.match()).isEqualTo(Match.realign(3));
    assertThat(call.prompt().startsWith(seen.get(0).prompt().plus(seen.get(0).sampled()))).isTrue();
    accept(call, "six");

    assertThat(record.rows()).hasSize(2);
    assertThat(record.rows().get(1).flags()).containsExactly("realign:message_3");
    assertTrainedOnce();
  }

  @Test
  void compactionAndSubAgentsAreRowsOfTheirOwn() {
    say("two");
    accept(record.begin(List.of(new Message.User("Summary: …")), TOOLS), "on");
    accept(record.begin(List.of(history.getFirst(), new Message.User("x")), TOOLS), "on");
    accept(record.begin(history, List.of()), "without tools");
    accept(record.begin(history.subList(0, 1), TOOLS), "again");
    assertThat(record.summary().turns())
        .extracting(turn -> turn.match().flag())
        .containsExactly(
            "clean:",
            "fork:new_conversation",
            "fork:message_1",
            "fork:tools",
            "fork:sampled_again");
    assertThat(record.rows()).hasSize(5);
    assertTrainedOnce();
  }

  @Test
  void parallelCallsThatGoOnFromOneTurnShareItsTokens() {
    say("two");
    hear(new Message.User("three"));
    Continuation first = record.begin(history, TOOLS);
    Continuation second = record.begin(history, TOOLS);
    assertThat(first.match()).isEqualTo(Match.CLEAN);
    assertThat(second.match()).isEqualTo(Match.fork("branch"));
    accept(second, "b");
    accept(first, "a");
    assertThat(record.rows()).hasSize(2);
    assertTrainedOnce();
  }

  @Test
  void aTurnThatNobodySawIsLeftOutUnlessItIsContinued() {
    say("two");
    hear(new Message.User("three"));
    Continuation lost = record.begin(history, TOOLS);
    int turn = accept(lost, "lost");
    record.discard(turn);
    assertThat(record.rows()).hasSize(1);
    assertThat(record.rows().getFirst().length())
        .isEqualTo(seen.getFirst().prompt().size() + seen.getFirst().sampled().size());

    Continuation again = record.begin(history, TOOLS);
    assertThat(again.match()).isEqualTo(Match.CLEAN);
    record.abandon(again);

    hear(new Message.Assistant("lost", List.of()), new Message.User("four"));
    assertThat(record.begin(history, TOOLS).match()).isEqualTo(Match.CLEAN);
    assertThat(record.rows().getFirst().length())
        .isEqualTo(lost.prompt().size() + seen.getLast().sampled().size());
  }

  @Test
  void promptsOfIdsAreMatchedByTheirBeginning() {
    Continuation first = record.begin(Tokens.of(1, 2, 3));
    accept(first, "x");
    Tokens held = seen.getFirst().prompt().plus(seen.getFirst().sampled());
    Continuation second = record.begin(held.plus(Tokens.of(7)));
    assertThat(second.match()).isEqualTo(Match.CLEAN);
    accept(second, "y");
    accept(record.begin(Tokens.of(9)), "z");
    assertThat(record.rows()).hasSize(2);
    assertTrainedOnce();
  }

  /// Agents that go on, go back, edit, compact and call in parallel as they like.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyTokenIsTrainedOnceAndRowsAreWhatTheEngineSaw(long seed) {
    Random random = new Random(seed);
    List<List<Message>> conversations = new ArrayList<>(List.of(history));
    List<Continuation> open = new ArrayList<>();
    List<List<Message>> asked = new ArrayList<>();
    for (int step = 0; step < 300; step++) {
      if (open.size() < 3 && random.nextInt(3) > 0) {
        List<Message> messages = next(conversations, random);
        open.add(record.begin(messages, random.nextInt(12) == 0 ? List.of() : TOOLS));
        asked.add(messages);
      } else if (!open.isEmpty()) {
        int at = random.nextInt(open.size());
        Continuation call = open.remove(at);
        List<Message> messages = new ArrayList<>(asked.remove(at));
        if (random.nextInt(8) == 0) {
          record.abandon(call);
          continue;
        }
        String text = "t" + random.nextInt(4);
        accept(call, text);
        messages.add(said(text));
        conversations.add(messages);
      }
    }
    assertTrainedOnce();
    for (Row row : record.rows()) assertThat(Invariants.violation(row)).isEmpty();
  }

  private static List<Message> next(List<List<Message>> conversations, Random random) {
    List<Message> messages =
        new ArrayList<>(conversations.get(random.nextInt(conversations.size())));
    switch (random.nextInt(6)) {
      case 0 ->
          messages = new ArrayList<>(messages.subList(0, 1 + random.nextInt(messages.size())));
      case 1 -> messages = new ArrayList<>(List.of(new Message.User("n" + random.nextInt(3))));
      case 2 -> messages.set(random.nextInt(messages.size()), said("edited"));
      default -> {}
    }
    if (random.nextInt(4) > 0) messages.add(new Message.User("u" + random.nextInt(3)));
    return messages;
  }

  /// Each turn's tokens are in some row just as the engine saw them, and trained in exactly one.
  private void assertTrainedOnce() {
    List<Row> rows = record.rows();
    for (int turn = 0; turn < seen.size(); turn++) {
      Seen engine = seen.get(turn);
      int trained = 0;
      int found = 0;
      for (Row row : rows) {
        if (!row.turns().values().contains(turn)) continue;
        found++;
        int end = engine.prompt().size() + engine.sampled().size();
        assertThat(row.ids().slice(0, end)).isEqualTo(engine.prompt().plus(engine.sampled()));
        for (int i = engine.prompt().size(); i < end; i++)
          assertThat(row.turns().get(i)).isEqualTo(turn);
        int masked = row.mask().get(engine.prompt().size(), end).cardinality();
        assertThat(masked).isIn(0, engine.sampled().size());
        if (masked > 0) trained++;
      }
      assertThat(found).as("rows with turn %d", turn).isPositive();
      assertThat(trained).as("rows that train turn %d", turn).isEqualTo(1);
    }
    assertThat(rows.stream().mapToInt(Row::trainable).sum())
        .isEqualTo(seen.stream().mapToInt(s -> s.sampled().size()).sum());
  }

  private Continuation say(String text) {
    Continuation call = record.begin(history, TOOLS);
    accept(call, text);
    history.add(said(text));
    return call;
  }

  private int accept(Continuation call, String text) {
    Tokens sampled = ByteChatFormat.ids(text).plus(Tokens.of(ByteChatFormat.END));
    int turn = record.accept(call, generation(sampled), Sampling.FULL, said(text));
    assertThat(turn).isEqualTo(seen.size());
    seen.add(new Seen(call.prompt(), sampled));
    return turn;
  }

  private void hear(Message... messages) {
    history.addAll(List.of(messages));
  }

  private static Message.Assistant said(String text) {
    return new Message.Assistant(text, List.of());
  }

  private static Generation generation(Tokens ids) {
    float[] logprobs = new float[ids.size()];
    java.util.Arrays.fill(logprobs, -0.5f);
    return new Generation(
        ids, Logprobs.of(logprobs), RunLength.of(ids.size(), 3), "l", FinishReason.STOP, 0, false);
  }
}
