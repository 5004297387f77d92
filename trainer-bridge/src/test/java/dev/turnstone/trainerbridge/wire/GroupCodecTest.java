package dev.turnstone.trainerbridge.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.POJONode;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Trajectory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

public class GroupCodecTest {
  /// The bytes that trainers in other languages rely on; cbor2 reads them as the same values.
  @Test
  void aGroupIsTheseBytes() throws IOException {
    byte[] golden = golden("group.cbor.hex");

    assertThat(HexFormat.of().formatHex(GroupCodec.encode(Frames.group())))
        .isEqualTo(HexFormat.of().formatHex(golden));
    assertThat(GroupCodec.decode(golden)).isEqualTo(Frames.group());
  }

  @Test
  void aRowWithAdvantagesIsTheseBytes() throws IOException {
    GroupFrame plain = Frames.group();
    GroupFrame.GroupRow first = plain.rows().getFirst();
    RunLength<Float> advantages =
        TokenAdvantages.of(new double[] {0.5, 0.5, -1.25})
            .over(first.data().mask(), first.data().length());
    GroupFrame group =
        new GroupFrame(
            plain.header(),
            List.of(
                new GroupFrame.GroupRow(
                    first.row(),
                    first.rollout(),
                    first.rolloutAttempt(),
                    first.stop(),
                    first.reward(),
                    first.data(),
                    Optional.of(advantages)),
                plain.rows().getLast()));

    assertThat(advantages.starts()).containsExactly(0, 2, 4, 5);
    assertThat(advantages.values()).containsExactly(0f, 0.5f, 0f, -1.25f);
    assertThat(HexFormat.of().formatHex(GroupCodec.encode(group)))
        .isEqualTo(HexFormat.of().formatHex(golden("group-advantages.cbor.hex")));
    assertThat(GroupCodec.decode(GroupCodec.encode(group))).isEqualTo(group);
  }

  private static byte[] golden(String name) throws IOException {
    try (InputStream in = GroupCodecTest.class.getResourceAsStream(name)) {
      String hex = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
    }
  }

  @Test
  void aTrajectorySurvivesTheLog() {
    Trajectory trajectory =
        Frames.trajectory(new RolloutId("r", "g", 3, 1), Optional.of(Reward.of(0.25)));

    assertThat(TrajectoryCodec.decode(TrajectoryCodec.encode(trajectory))).isEqualTo(trajectory);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          d84e43000000       | typed array of 3 bytes
          d84f4400000000     | CBOR bytes with tag 79
          4400000000         | CBOR bytes with tag -1
          d84e80             | CBOR tag 78 on START_ARRAY
          a2616101616102     | CBOR key twice: a
          0101               | bytes after the CBOR item
          a1                 | not CBOR
          """)
  void whatIsNotOursIsRefused(String hex, String sentence) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TypedCbor.decode(HexFormat.of().parseHex(hex)))
        .withMessageContaining(sentence);
  }

  @ParameterizedTest
  @CsvSource({"seq", "expected", "rows", "failed", "task", "stats", "versions"})
  void aGroupWithoutAFieldIsRefused(String name) {
    ObjectNode tree = (ObjectNode) TypedCbor.decode(GroupCodec.encode(Frames.group()));
    tree.remove(name);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> GroupCodec.decode(TypedCbor.encode(tree)))
        .withMessageContaining(name + " is missing");
  }

  @Test
  void aRowWhoseArraysHaveOtherTypesIsRefused() {
    ObjectNode tree = (ObjectNode) TypedCbor.decode(GroupCodec.encode(Frames.group()));
    ((ObjectNode) tree.get("rows").get(0)).set("ids", new POJONode(new float[] {1}));

    assertThatIllegalArgumentException()
        .isThrownBy(() -> GroupCodec.decode(TypedCbor.encode(tree)))
        .withMessage("ids is not an i32 array");
  }

  @Test
  void expectedIsDeliveredAndFailedTogether() {
    ObjectNode tree = (ObjectNode) TypedCbor.decode(GroupCodec.encode(Frames.group()));
    tree.put("expected", 4);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> GroupCodec.decode(TypedCbor.encode(tree)))
        .withMessageContaining("expected 4, delivered 2");
  }
}
