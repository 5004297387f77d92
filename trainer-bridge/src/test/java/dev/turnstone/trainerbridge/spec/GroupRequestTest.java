package dev.turnstone.trainerbridge.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

public class GroupRequestTest {
  @Test
  void theOrderOfFieldsDoesNotMakeAnotherBody() {
    GroupRequest one =
        parse(
            """
            {"group":"g","task":{"messages":[{"role":"user","content":"hi"}],"data":{"a":1,"b":[2]}}}
            """);
    GroupRequest two =
        parse(
            """
            {"task":{"data":{"b":[2],"a":1},"messages":[{"content":"hi","role":"user"}]},"group":"g"}
            """);
    GroupRequest three =
        parse(
            """
            {"group":"g","task":{"messages":[{"role":"user","content":"ho"}],"data":{"a":1,"b":[2]}}}
            """);

    assertThat(one.sha256()).isEqualTo(two.sha256()).isNotEqualTo(three.sha256());
  }

  @Test
  void aTaskSurvivesTheLog() {
    Task task =
        new Task(
            "g",
            List.of(
                new Message.System("be brief"),
                new Message.User("6*7"),
                new Message.Assistant(
                    "", List.of(new ToolCall("c", "python", new Json("{\"code\":\"6*7\"}")))),
                new Message.Tool("c", "python", "42")),
            "e",
            new Json("{\"answer\":\"42\"}"));

    String stored = JsonText.write(GroupRequest.taskJson(task));

    assertThat(GroupRequest.parseTask("g", "e", stored)).isEqualTo(task);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          []                                                        | the body is not an object: []
          {"task":{"messages":[]}}                                  | group is missing
          {"group":"g"}                                             | task is missing
          {"group":"g","task":{}}                                   | task.messages is missing
          {"group":"g","task":{"messages":[]}}                      | task.messages is empty in group g
          {"group":"g","task":{"messages":[{"role":"king"}]}}       | role is not one of system, user, assistant, tool: king
          {"group":"g","task":{"messages":[{"role":"user"}]}}       | task.messages[0].content is missing
          {"group":"../g","task":{"messages":[{"role":"user","content":""}]}} | ../g
          {"group":"g","task":{"messages":[{"role":"user","content":""}],"data":7}} | task.data is not an object: 7
          {"groups":[]}                                             | groups is empty
          """)
  void whatIsWrongIsNamed(String body, String sentence) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GroupRequest.parseAll(JsonText.parse(body)))
        .withMessageContaining(sentence);
  }

  @Test
  void oneRequestDoesNotNameAGroupTwice() {
    String group =
        "{\"group\":\"g\",\"task\":{\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}}";
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            GroupRequest.parseAll(JsonText.parse("{\"groups\":[" + group + "," + group + "]}")))
        .withMessage("groups names a group twice: g");
  }

  private static GroupRequest parse(String body) {
    return GroupRequest.parse(JsonText.parse(body));
  }
}
