package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.peer.SandboxReply;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/// How many hidden tests the final answer's code passes in a sandbox.
///
/// The tests are a field of the task's data: a program of assertions, or a list of `{"stdin",
/// "stdout"}`. In Python the assertions run in one process and the answer in another, and they
/// count only if they come to their end: the answer's process holds neither the tests nor a stream
/// of the checker's. Pairs are compared here, so what is right never enters the sandbox.
final class CodeTests implements Scorer {
  private static final int ATTEMPTS = 4;
  private static final Duration GRACE = Duration.ofSeconds(20);

  private static final String CHECKER = checker();

  private final RewardEntry.CodeTests entry;
  private final Peers peers;
  private final Peer peer;

  CodeTests(RewardEntry.CodeTests entry, Peers peers) {
    this.entry = entry;
    this.peers = peers;
    this.peer = peers.peer(entry.endpoint(), ATTEMPTS);
  }

  @Override
  public Optional<String> objection(JsonNode data) {
    JsonNode tests = data.path(entry.field());
    if (tests.isTextual() && !tests.textValue().isBlank()) return Optional.empty();
    boolean pairs = tests.isArray() && !tests.isEmpty();
    for (JsonNode test : tests)
      pairs &= test.path("stdin").isTextual() && test.path("stdout").isTextual();
    return pairs
        ? Optional.empty()
        : Optional.of(
            "data.%s must be a program or a list of {\"stdin\", \"stdout\"}, was %s"
                .formatted(entry.field(), tests.isMissingNode() ? "absent" : shown(tests)));
  }

  @Override
  public Score score(Episode episode) throws EnvironmentLost, InterruptedException {
    Optional<String> answer = FinalAnswer.of(episode.transcript());
    if (answer.isEmpty()) return Score.of(false);
    String code = FinalAnswer.code(answer.get());
    List<Test> tests = tests(code, episode.data().path(entry.field()));
    int passed = 0;
    for (Test test : tests) if (passes(test, episode.session())) passed++;
    double share = (double) passed / tests.size();
    return new Score(entry.partial() ? share : Math.floor(share), Map.of("passed", share));
  }

  /// One run of a program and what its output must be.
  private record Test(ObjectNode request, Optional<String> stdout, Optional<String> lastLine) {}

  private List<Test> tests(String code, JsonNode field) {
    if (!field.isTextual()) {
      List<Test> tests = new ArrayList<>();
      for (JsonNode test : field)
        tests.add(
            new Test(
                request(code, test.path("stdin").asText()),
                Optional.of(test.path("stdout").asText()),
                Optional.empty()));
      return tests;
    }
    if (!entry.language().equals("python"))
      return List.of(
          new Test(
              request(code + "\n" + field.textValue(), ""), Optional.empty(), Optional.empty()));
    String word = UUID.randomUUID().toString();
    String given =
        JsonText.object()
            .put("word", word)
            .put("answer", code)
            .put("tests", field.textValue())
            .toString();
    ObjectNode request = request(CHECKER, given + "\n");
    return List.of(new Test(request, Optional.empty(), Optional.of(word)));
  }

  private ObjectNode request(String code, String stdin) {
    return JsonText.object()
        .put("language", entry.language())
        .put("code", code)
        .put("stdin", stdin)
        .put("compile_timeout", seconds())
        .put("run_timeout", seconds())
        .put("memory_limit_MB", entry.memoryLimitMb());
  }

  private boolean passes(Test test, String session) throws EnvironmentLost, InterruptedException {
    Duration limit = entry.endpoint().timeout().multipliedBy(2).plus(GRACE);
    Reply reply =
        peer.send(
            Peer.Exchange.post("run_code", test.request().toString(), session),
            limit,
            Deadline.in(limit.multipliedBy(ATTEMPTS), peers.nanoTime()));
    if (!(reply instanceof Reply.Answered answer && answer.ok() && answer.whole()))
      throw peer.lost(reply);
    try {
      return switch (SandboxReply.parse(answer.body())) {
        case SandboxReply.Success(String output) -> right(test, output);
        case SandboxReply.Failure _ -> false;
        case SandboxReply.Broken(String why) -> throw peer.lost("could not run the code: " + why);
      };
    } catch (JsonText.Unreadable e) {
      throw peer.lost("answered what no sandbox answers: " + e.getMessage());
    }
  }

  /// Trailing white space of lines and of the whole does not count, as on programming contests.
  private boolean right(Test test, String output) throws EnvironmentLost {
    String last = output.lines().reduce("", (_, line) -> line);
    String word = test.lastLine().orElse("");
    if (!word.isEmpty() && last.startsWith(word + " "))
      throw peer.lost(
          "could not check the answer: %s; such tests need pairs of stdin and stdout"
              .formatted(last.substring(word.length() + 1)));
    boolean ended = word.isEmpty() || last.equals(word);
    return ended && test.stdout().map(want -> plain(want).equals(plain(output))).orElse(true);
  }

  private static String plain(String text) {
    return text.strip().lines().map(String::stripTrailing).reduce("", (a, b) -> a + "\n" + b);
  }

  private double seconds() {
    return entry.endpoint().timeout().toMillis() / 1000.0;
  }

  private static String checker() {
    try (InputStream file = CodeTests.class.getResourceAsStream("checker.py")) {
      if (file == null) throw new IllegalStateException("checker.py is missing from the build");
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("checker.py cannot be read", e);
    }
  }

  private static String shown(JsonNode node) {
    String text = node.toString();
    return text.length() <= 100 ? text : text.substring(0, 100) + "…";
  }
}
