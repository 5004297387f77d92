package dev.turnstone.envadapters.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.tools.ArgumentSchema.Check;
import dev.turnstone.rollout.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
final class ArgumentSchemaTest {
  @Test
  void aPatternThatBacktracksIsCutOff() throws Exception {
    assertThat(check("{'q':{'pattern':'^(a*)*b\\\\1$'}}", "{'q':'%s!'}".formatted("a".repeat(60))))
        .isEqualTo(new Check.Invalid("too costly to check"));
  }

  @Test
  void aPatternThatRecursesIsCutOff() throws Exception {
    assertThat(check("{'q':{'pattern':'^(a|b)*$'}}", "{'q':'%s'}".formatted("ab".repeat(200_000))))
        .isEqualTo(new Check.Invalid("too costly to check"));
  }

  @Test
  void deepNestingIsRefused() throws Exception {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);

    assertThat(check("{'q':{'items':{'$ref':'#/properties/q'}}}", "{'q':%s}".formatted(deep)))
        .isInstanceOf(Check.Invalid.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e999999999", "-1e999999999", "1e30", "18446744073709551617", "11"})
  void aGiantNumberIsNotWithinBounds(String number) throws Exception {
    String schema = "{'q':{'type':'number','minimum':-10,'maximum':10,'multipleOf':1}}";

    assertThat(check(schema, "{'q':%s}".formatted(number))).isInstanceOf(Check.Invalid.class);
    assertThat(check(schema, "{'q':10.0}")).isInstanceOf(Check.Valid.class);
  }

  @Test
  void aReferenceWithinTheSchemaIsFollowed() throws Exception {
    String properties = "{'q':{'type':'integer'},'r':{'$ref':'#/properties/q'}}";

    assertThat(check(properties, "{'r':1}")).isInstanceOf(Check.Valid.class);
    assertThat(check(properties, "{'r':'x'}"))
        .isEqualTo(new Check.Invalid("/r: string found, integer expected"));
  }

  private static Check check(String properties, String arguments) throws Exception {
    String schema = "{'type':'object','properties':%s}".formatted(properties).replace('\'', '"');
    return ArgumentSchema.compile(JsonText.read(schema), "parameters")
        .check(new Json(arguments.replace('\'', '"')));
  }
}
