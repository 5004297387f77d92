package dev.turnstone.engine.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Json;
import java.math.BigDecimal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaGrammarTest {
  private static Grammar grammar(String schema) {
    return Constraints.compile(new Constraint.Schema(new Json(schema.replace('\'', '"'))));
  }

  private static void accepts(String schema, String... texts) {
    Grammar grammar = grammar(schema);
    for (String text : texts)
      assertThat(grammar.accepts(text.replace('\'', '"'))).as("%s of %s", text, schema).isTrue();
  }

  private static void refuses(String schema, String... texts) {
    Grammar grammar = grammar(schema);
    for (String text : texts)
      assertThat(grammar.accepts(text.replace('\'', '"'))).as("%s of %s", text, schema).isFalse();
  }

  @Test
  void anyJsonIsJson() {
    accepts("{}", "null", "true", "-0.5e-3", "''", "[]", "{}", "[1,[2,{'a':[]}],'x']");
    accepts("true", " {\"a\":1}", "[\n  1,\n  {\n    'a': null\n  }\n]", "[ 1, 2 ]");
    refuses("{}", "", "nul", "01", "1.", "+1", "[1,]", "{'a'}", "{a:1}", "'\t'", "1e999", "[1]]");
    refuses("{}", "[1 ,2]", "[\n\n1]", "{} ");
  }

  @Test
  void stringsAreUnicodeHoweverWritten() {
    accepts("{'type':'string'}", "'é€😀'", "'\\u00e9\\ud83d\\ude00\\/\\n'", "'\u007f'");
    refuses("{'type':'string'}", "'\\ud83d'", "'\\ude00'", "'\\x'", "'\\u00g0'", "'a\nb'");
    accepts("{'type':'string','minLength':2,'maxLength':3}", "'😀é'", "'\\ud83d\\ude00ab'");
    refuses("{'type':'string','minLength':2,'maxLength':3}", "'a'", "'abcd'", "'\\ud83d\\ude00'");
    accepts("{'type':'string','maxLength':100000}", "'" + "x".repeat(5000) + "'");
    accepts("{'type':'string','pattern':'^[a-c]+\\\\d?$'}", "'abc1'", "'a'");
    refuses("{'type':'string','pattern':'^[a-c]+\\\\d?$'}", "'abc12'", "''", "'d'");
    accepts("{'type':'string','pattern':'b|^c'}", "'abc'", "'cat'");
    refuses("{'type':'string','pattern':'b|^c'}", "'acd'", "''");
    accepts("{'type':'string','pattern':'^\\\\n[^a]$'}", "'\\n\\\"'", "'\\né'");
  }

  @ParameterizedTest(name = "{0}: {1} yes, {2} no")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "date | 2024-02-29 2023-12-31 2000-02-29 | 2023-02-29 1900-02-29 2024-13-01 2024-04-31",
        "time | 23:59:59Z 00:00:00.5+01:00 | 24:00:00Z 12:00Z",
        "date-time | 2024-01-01T00:00:00Z | 2024-01-01",
        "uuid | 123e4567-e89b-12d3-a456-426614174000 | 123e4567",
        "ipv4 | 0.0.0.0 255.249.199.9 | 256.1.1.1 1.1.1",
        "email | a.b+c@example.com | a@b a@ @b.c",
        "uri | https://example.com/a/b | example.com",
        "hostname | example.com a-b | -a a..b",
      })
  void formatsAreKept(String format, String good, String bad) {
    String schema = "{'type':'string','format':'" + format + "'}";
    for (String text : good.split(" ", -1)) accepts(schema, "'" + text + "'");
    for (String text : bad.split(" ", -1)) refuses(schema, "'" + text + "'");
  }

  @Test
  void integersStayWithinTheirBounds() {
    Grammar grammar = grammar("{'type':'integer','minimum':-12,'exclusiveMaximum':1033}");
    for (int i = -1300; i < 12_000; i++)
      assertThat(grammar.accepts("" + i)).as("%d", i).isEqualTo(i >= -12 && i < 1033);
    accepts("{'type':'integer','minimum':7}", "7", "10", "99999999999999999999");
    refuses("{'type':'integer','minimum':7}", "6", "-8", "07", "7.0");
    accepts("{'type':'integer','maximum':-3}", "-3", "-10", "-99999");
    refuses("{'type':'integer','maximum':-3}", "-2", "0", "3", "-");
    refuses("{'type':'integer','minimum':0.2,'maximum':1.8}", "0", "2", "-1");
  }

  @Test
  void numbersStayWithinTheirBounds() {
    Grammar grammar = grammar("{'type':'number','minimum':-1.25,'exclusiveMaximum':2.5}");
    for (int i = -3000; i < 4000; i++) {
      String text = BigDecimal.valueOf(i, 3).stripTrailingZeros().toPlainString();
      assertThat(grammar.accepts(text)).as(text).isEqualTo(i >= -1250 && i < 2500);
    }
    accepts("{'type':'number','minimum':-1.25,'exclusiveMaximum':2.5}", "2.4999", "-1.2500");
    refuses(
        "{'type':'number','minimum':-1.25,'exclusiveMaximum':2.5}", "2.500", "-1.25001", "2.50");
    accepts("{'type':'number','exclusiveMinimum':0,'maximum':1}", "0.0001", "1", "1.000");
    refuses("{'type':'number','exclusiveMinimum':0,'maximum':1}", "0", "0.0", "1.01", "-0");
    accepts("{'type':'number','minimum':0.3,'maximum':0.3}", "0.3", "0.30");
    refuses("{'type':'number','minimum':0.3,'maximum':0.3}", "0.31", "0.2", "0");
  }

  @Test
  void propertiesComeInAnyOrderAndOnce() {
    String schema =
        "{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'boolean'}},"
            + "'required':['a'],'additionalProperties':false}";
    accepts(schema, "{'a':1}", "{'b':true,'a':1}", "{'a':1,'b':false}", "{\n  'a': 1\n}");
    refuses(schema, "{}", "{'b':true}", "{'a':1,'a':2}", "{'a':1,'c':2}", "{'a':'1'}", "{'a':1,}");
    String open = "{'type':'object','properties':{'ab':{'type':'integer'}}}";
    accepts(open, "{}", "{'a':'x'}", "{'abc':[],'ab':1,'':null}", "{'é\\n':1}");
    refuses(open, "{'ab':'x'}", "{'a\\u0062':'x'}", "{'\\u0061b':'x'}");
    accepts("{'type':'object','maxProperties':1}", "{}", "{'a':1}");
    refuses("{'type':'object','maxProperties':1}", "{'a':1,'b':2}");
    accepts(
        "{'type':'object','required':['q'],'additionalProperties':{'type':'null'}}", "{'q':null}");
  }

  @Test
  void arraysHaveTheirItemsInNumber() {
    String schema = "{'type':'array','items':{'type':'integer'},'minItems':1,'maxItems':3}";
    accepts(schema, "[1]", "[1,2,3]", "[ 1, 2 ]");
    refuses(schema, "[]", "[1,2,3,4]", "['a']");
    String tuple =
        "{'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'items':false}";
    accepts(tuple, "[]", "[1]", "[1,'a']");
    refuses(tuple, "['a']", "[1,'a',2]");
    refuses(
        "{'type':'array','prefixItems':[{'type':'integer'}],'minItems':2}", "[]", "[1]", "['a',1]");
  }

  @Test
  void constantsUnionsAndReferencesMeanWhatTheySay() {
    accepts("{'enum':['a',1,null,{'x':[true]}]}", "'a'", "1", "null", "{'x':[true]}");
    refuses("{'enum':['a',1]}", "'b'", "11", "'a");
    accepts("{'type':'string','enum':['a',1]}", "'a'");
    refuses("{'type':'string','enum':['a',1]}", "1");
    accepts("{'anyOf':[{'type':'integer'},{'const':'é'}]}", "3", "'é'");
    accepts("{'type':['integer','null']}", "3", "null");
    String tree =
        "{'$ref':'#/$defs/node','$defs':{'node':{'type':'object','properties':"
            + "{'v':{'type':'integer'},'kids':{'type':'array','items':{'$ref':'#/$defs/node'}}},"
            + "'required':['v'],'additionalProperties':false}}}";
    accepts(tree, "{'v':1}", "{'v':1,'kids':[{'v':2,'kids':[]},{'kids':[{'v':4}],'v':3}]}");
    refuses(tree, "{'v':1,'kids':[{}]}", "{'kids':[]}");
    String shapes =
        "{'oneOf':[{'type':'object','properties':{'k':{'const':'c'},'r':{'type':'number'}},"
            + "'required':['k','r']},{'type':'object','properties':{'k':{'const':'s'}},"
            + "'required':['k']}]}";
    accepts(shapes, "{'k':'c','r':1}", "{'k':'s'}");
    refuses(shapes, "{'k':'c'}", "{'k':'x'}");
    String both =
        "{'allOf':[{'type':'object','properties':{'a':{'type':'integer'}},'required':['a']},"
            + "{'properties':{'a':{'minimum':3},'b':{'type':'null'}},'required':['b']}]}";
    accepts(both, "{'b':null,'a':3}");
    refuses(both, "{'a':3}", "{'a':2,'b':null}");
  }

  @Test
  void keywordsThatCombineAreKeptTogether() {
    String even = "{'type':'integer','multipleOf':14,'minimum':-30,'maximum':30}";
    accepts(even, "-28", "0", "14", "28");
    refuses(even, "7", "42", "-42", "014");
    accepts("{'type':'number','multipleOf':0.25}", "1", "0.5", "-3.75", "0.50");
    refuses("{'type':'number','multipleOf':0.25}", "0.3", "0.125", "1e2");
    String word = "{'type':'string','pattern':'^[ab]+$','minLength':2,'maxLength':3}";
    accepts(word, "'ab'", "'bbb'");
    refuses(word, "'a'", "'abab'", "'ac'");
    String map =
        "{'type':'object','patternProperties':{'^x':{'type':'integer'}},'additionalProperties':false,"
            + "'properties':{'xs':{'minimum':5},'y':{}}}";
    accepts(map, "{}", "{'xa':1,'xb':2}", "{'xs':7,'y':null}");
    refuses(map, "{'a':1}", "{'xa':'1'}", "{'xs':2}", "{'xs':'a'}");
    String named = "{'type':'object','propertyNames':{'maxLength':2},'minProperties':1}";
    accepts(named, "{'ab':1}", "{'a':1,'b':2}");
    refuses(named, "{}", "{'abc':1}");
    String listed = "{'type':'object','propertyNames':{'enum':['a',1]}}";
    accepts(listed, "{}", "{'a':1}");
    refuses(listed, "{'1':1}");
    String card =
        "{'type':'object','properties':{'card':{},'name':{}},'dependentRequired':{'card':['name']}}";
    accepts(card, "{}", "{'name':1}", "{'card':1,'name':2}", "{'name':1,'z':3,'card':2}");
    refuses(card, "{'card':1}", "{'card':1,'z':2}");
    accepts("{'not':{'type':['object','array']}}", "1", "'a'", "null");
    refuses("{'not':{'type':['object','array']}}", "{}", "[]");
    accepts("{'type':'object','not':{'required':['a']}}", "{}", "{'b':1}");
    refuses("{'type':'object','not':{'required':['a']}}", "{'a':1}");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'not':{}} | no text is of the form",
        "{'not':{'minimum':3}} | has not with minimum, which is not supported",
        "{'type':'array','uniqueItems':true} | has uniqueItems, which a mask cannot keep",
        "{'type':'object','propertyNames':{'not':{}}} | has propertyNames with not",
        "{'type':'object','propertyNames':{'const':1}} | has propertyNames that no name matches",
        "{'type':'object','patternProperties':{'a':{}}} | without additionalProperties: false",
        "{'type':'object','minProperties':3} | minProperties 3 above the properties it tells apart: 1",
        "{'type':'integer','minimum':1,'maximum':2,'multipleOf':5} | no text is of the form",
        "{'type':'string','pattern':'^a','maxLength':0} | no text is of the form",
        "{'properties':{'a':{'if':{}}}} | the schema at #/properties/a has the keyword if",
        "{'type':'object','patternProperties':{}} | has 0 patternProperties",
        "{'type':'strin'} | the schema at # has the type \"strin\"",
        "{'type':'string','format':'color'} | the format color",
        "{'type':'string','pattern':'(?=a)'} | the pattern (?=a) has a look-around",
        "{'type':'string','pattern':'(a)\\\\1'} | \\1",
        "{'type':'array','minItems':3,'maxItems':2} | minItems 3 above maxItems 2",
        "{'type':'integer','minimum':3,'maximum':2} | no number between its bounds",
        "{'type':'number','multipleOf':0} | multipleOf 0, which must be above 0",
        "{'$ref':'#/nowhere'} | refers to #/nowhere, which is not there",
        "{'$ref':'http://x/y'} | another document",
        "{'$ref':'#'} | refers to itself",
        "{'oneOf':[{'type':'integer'},{'type':'number'}]} | branches 0 and 1 may both hold",
        "{'type':'object','required':['a'],'additionalProperties':false} | requires a",
        "{'enum':[]} | no value in enum",
        "[] | is no schema",
        "{'type': | the schema is not JSON",
        "false | no text is of the form",
        "{'type':'string','minLength':-1} | minLength -1",
        "{'nullable':true} | nullable",
      })
  void whatIsNotSupportedIsRefusedByName(String schema, String sentence) {
    assertThatThrownBy(() -> grammar(schema))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void whatIsNotJsonIsSaidWithoutWordsAboutTheParser() {
    assertThatThrownBy(() -> grammar("{"))
        .hasMessage("the schema is not JSON: Unexpected end-of-input");
  }

  @Test
  void whatASecondReferenceMakesImpossibleIsImpossibleToo() {
    String twice = "{'type':'object','$defs':{'n':false},'properties':{'a':{'$ref':'#/$defs/n'},";
    assertThatThrownBy(() -> grammar(twice + "'b':{'$ref':'#/$defs/n'}},'required':['b']}"))
        .hasMessageContaining("requires b, which nothing can be");
  }
}
