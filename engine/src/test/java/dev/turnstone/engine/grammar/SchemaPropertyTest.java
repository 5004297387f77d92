package dev.turnstone.engine.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The grammar of a schema against networknt's validator, over random schemas.
class SchemaPropertyTest {
  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(
          SpecificationVersion.DRAFT_2020_12,
          registry ->
              registry.schemaRegistryConfig(
                  SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build()));
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_BYTES = 4000;
  private static final String CLOSERS = "\"]}01nultrefasdg";

  private static Optional<Grammar> grammar(ObjectNode schema) {
    try {
      return Optional.of(new Grammar(SchemaGrammar.of(schema.toString())));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // contradicts itself, or refers to itself
    }
  }

  /// Follows random bytes that the automaton allows until the text may end; after a while only
  /// bytes that lead there.
  private static Optional<String> walk(Grammar grammar, SplittableRandom random) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    Grammar.State state = grammar.start();
    while (text.size() < MOST_BYTES) {
      if (state.accepting() && (state.dead() || text.size() > 60 || random.nextInt(3) == 0))
        return Optional.of(text.toString(StandardCharsets.UTF_8));
      List<Integer> ways = new ArrayList<>();
      for (int value = 0; value < 256; value++) {
        Grammar.State next = state.after(value);
        if (next.dead() && !next.accepting()) continue;
        if (text.size() < 60 || CLOSERS.indexOf(value) >= 0) ways.add(value);
      }
      if (ways.isEmpty())
        for (int value = 0; value < 256; value++) {
          Grammar.State next = state.after(value);
          if (!next.dead() || next.accepting()) ways.add(value);
        }
      assertThat(ways).as("a dead end after %s", text).isNotEmpty();
      int value = ways.get(random.nextInt(ways.size()));
      text.write(value);
      state = state.after(value);
    }
    return Optional.empty(); // a schema that nothing finite fits
  }

  @Test
  void whatTheAutomatonAllowsIsValidAndWhatIsValidIsAllowed() throws Exception {
    int walks = 0;
    int valid = 0;
    int invalid = 0;
    for (int seed = 0; seed < 250; seed++) {
      var schemas = new RandomSchemas(seed);
      ObjectNode node = schemas.schema();
      Optional<Grammar> grammar = grammar(node);
      if (grammar.isEmpty()) continue;
      Schema schema = REGISTRY.getSchema(node);
      var random = new SplittableRandom(seed);
      for (int i = 0; i < 4; i++) {
        Optional<String> text = walk(grammar.get(), random);
        if (text.isEmpty()) continue;
        walks++;
        assertThat(schema.validate(JSON.readTree(text.get())))
            .as("%s under %s", text.get(), node)
            .isEmpty();
      }
      for (int i = 0; i < 20; i++) {
        JsonNode value = schemas.near(node, node, 4);
        boolean fits = schema.validate(value).isEmpty();
        if (fits) valid++;
        else invalid++;
        assertThat(grammar.get().accepts(value.toString()))
            .as("%s under %s", value, node)
            .isEqualTo(fits);
      }
    }
    assertThat(walks).isGreaterThan(400);
    assertThat(valid).isGreaterThan(400);
    assertThat(invalid).isGreaterThan(400);
  }
}
