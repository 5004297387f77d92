package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolSpec;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;

/// Makes up the dialogues that the tiny policy is pretrained on: questions about products, answered
/// by a policy that sometimes runs the right program, sometimes a wrong one, and mostly guesses.
/// What is learnt is the manner, and to copy digits exactly; what to prefer is left to
/// reinforcement learning.
public final class Dialogues {
  static final ToolSpec PYTHON =
      new ToolSpec(
          "python",
          "Runs a Python program and returns what it prints.",
          new Json(
              """
              {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}\
              """));

  private static final List<String> QUESTIONS =
      List.of(
          "What is %d * %d?",
          "What is %d * %d?", "What is %d * %d?", "Compute %d * %d.", "%d times %d is?");
  private static final List<String> ANSWERS = List.of("%s", "%s", "The answer is %s.");
  private static final List<String> WRONG_PROGRAMS =
      List.of("print(%d x %d)", "%d * %d", "print(%d + %d)", "print(%d * %d");
  private static final String SYNTAX_ERROR = "SyntaxError: invalid syntax";

  private final ChatFormat format;
  private final Function<String, Tokens> encode;
  private final SplittableRandom random;

  Dialogues(ChatFormat format, Function<String, Tokens> encode, long seed) {
    this.format = format;
    this.encode = encode;
    this.random = new SplittableRandom(seed);
  }

  /// One dialogue; what the policy wrote is scored.
  TokenBatch.Scored next() {
    int a = operand();
    int b = operand();
    while (Arithmetic.heldOut(a, b)) b = operand();
    var dialogue = new Dialogue(pick(QUESTIONS).formatted(a, b));
    double kind = random.nextDouble();
    if (kind < 0.40) {
      dialogue.says(answer(guess()));
    } else if (kind < 0.80) {
      dialogue.calls("print(%d * %d)".formatted(a, b));
      String result = Integer.toString(a * b);
      dialogue.reads(result);
      dialogue.says(answer(random.nextInt(8) == 0 ? guess() : result));
    } else {
      dialogue.calls(pick(WRONG_PROGRAMS).formatted(a, b));
      String result = random.nextBoolean() ? SYNTAX_ERROR : guess();
      dialogue.reads(result);
      dialogue.says(answer(result.equals(SYNTAX_ERROR) ? guess() : result));
    }
    return dialogue.scored();
  }

  private int operand() {
    return random.nextInt(Arithmetic.LEAST, Arithmetic.GREATEST + 1);
  }

  private String guess() {
    return Integer.toString(operand() * operand());
  }

  private String answer(String value) {
    return pick(ANSWERS).formatted(value);
  }

  private String pick(List<String> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  /// A dialogue under construction, built from the same parts as a rollout.
  private final class Dialogue {
    private final BitSet written = new BitSet();
    private Tokens ids;

    Dialogue(String question) {
      ids = format.prompt(List.of(new Message.User(question)), List.of(PYTHON));
    }

    void says(String text) {
      int start = ids.size();
      int stop = format.stopIds().iterator().next();
      ids = ids.plus(encode.apply(text)).plus(Tokens.of(stop));
      written.set(start, ids.size());
    }

    void calls(String program) {
      says(
          "<tool_call>\n{\"name\": \"python\", \"arguments\": {\"code\": \"%s\"}}\n</tool_call>"
              .formatted(program));
    }

    void reads(String result) {
      Message.Tool message = new Message.Tool("call_0_0", PYTHON.name(), result);
      ids = ids.plus(format.suffix(ids, List.of(message), List.of(PYTHON)));
    }

    TokenBatch.Scored scored() {
      return new TokenBatch.Scored(ids, written, RunLength.of(ids.size(), 1f));
    }
  }
}
